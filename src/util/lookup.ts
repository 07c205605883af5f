import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { SharedOperations } from './shared-operations.ts'

/** Look-ups cannot be cancelled, and Node runs few at a time: a name is looked up once at a time. */
const lookups = new SharedOperations(lookUp)

/** Returns whether a look-up of this host is in flight: DNS has not answered yet. */
export const isLookingUp = (host: string): boolean => lookups.isRunning(host)

/** Returns whether a host is this machine itself. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/**
 * Resolves with the IP addresses of a host, in the order of the system's resolver.
 *
 * @throws NodeJS.ErrnoException with the `syscall` `getaddrinfo` if the name is not known, or DNS does not answer
 */
export async function lookupHost(host: string): Promise<readonly string[]> {
  if (process.getBuiltinModule('node:net').isIP(host) !== 0) return [host]
  return (await lookups.run(host)).map(({ address }) => address)
}

/** The option `lookup` of `net.connect`. */
export const lookup: LookupFunction = (host, options, callback) => {
  lookups.run(host).then(
    (addresses) => {
      if (options.all === true) callback(null, [...addresses])
      else callback(null, addresses[0]?.address ?? '', addresses[0]?.family)
    },
    (error: NodeJS.ErrnoException) => callback(error, ''),
  )
}

function lookUp(host: string): Promise<readonly LookupAddress[]> {
  return process.getBuiltinModule('node:dns').promises.lookup(host, { all: true })
}
