import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { splitAddress } from '../addresses/host-port.ts'
import type { HostPort } from '../addresses/host-port.ts'
import type { ProbeKind } from '../options.ts'
import { orAborted } from '../util/abort.ts'
import { isLookingUp, lookup } from '../util/lookup.ts'
import { serverIdentity } from '../util/server-identity.ts'
import { messageOf, oneLine } from '../util/text.ts'

/** One address to probe. */
export interface ProbeTarget {
  /** The address as `host:port`, normalised. */
  readonly address: string
  readonly kind: ProbeKind
  /** Holds the CA that the certificate is verified against. Without it, every certificate is accepted. */
  readonly context: SecureContext | undefined
}

/** Resolves when the address is alive, and rejects with the cause when it is dead or the signal is aborted. */
export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<void>

/** The causes of a probe that was aborted, by what it waited for. */
const stages = {
  lookup: 'the host name is not resolved: DNS does not answer',
  connect: 'no connection; packets may be dropped on the way',
  handshake: 'TCP connected, but the TLS handshake timed out',
  response: 'GET /readyz was not answered',
} as const

/** RKE2 switches anonymous requests off, so an apiserver that refuses an anonymous request is alive. */
const aliveStatuses = new Set([200, 401, 403])

/** Probes with a socket of its own, which is destroyed when the promise has settled. */
export const probe: Probe = async ({ address, kind, context }, signal) => {
  const target = splitAddress(address)
  let stage: keyof typeof stages = 'connect'
  // Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
  const verification =
    context === undefined ? { rejectUnauthorized: false } : { secureContext: context, rejectUnauthorized: true }
  const socket =
    kind === 'tcp'
      ? process.getBuiltinModule('node:net').connect({ ...target, lookup })
      : process.getBuiltinModule('node:tls').connect({
          ...target,
          lookup,
          ...serverIdentity(target.host),
          ...verification,
        })
  try {
    await orAborted(onceEmitted(socket, 'connect'), signal)
    if (kind === 'tcp') return
    stage = 'handshake'
    await orAborted(onceEmitted(socket, 'secureConnect'), signal)
    if (kind === 'tls') return
    stage = 'response'
    const status = await orAborted(getReadyz(socket, target), signal)
    if (!aliveStatuses.has(status)) throw new Error(`GET /readyz was answered with HTTP status ${status}`)
  } catch (error) {
    if (stage === 'connect' && isLookingUp(target.host)) stage = 'lookup'
    if (signal.aborted && error === signal.reason) throw new Error(stages[stage], { cause: error })
    throw new Error(causeOf(error), { cause: error })
  } finally {
    socket.destroy()
  }
}

function onceEmitted(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve)
    // Never removed: an error of the socket after the probe must not be uncaught.
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('the server closed the connection')))
  })
}

/** Requests `GET /readyz` without an agent, because the connection exists and is used once. */
function getReadyz(socket: Socket, target: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    const { request } = process.getBuiltinModule('node:http')
    const get = request({ ...target, path: '/readyz', createConnection: () => socket }, (response) => {
      resolve(response.statusCode ?? 0)
      response.resume()
    })
    get.on('error', reject)
    get.end()
  })
}

/** A name with several IP addresses fails with an error for each, and no message of its own. */
function causeOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(causeOf))].join('; ')
  return oneLine(messageOf(error))
}
