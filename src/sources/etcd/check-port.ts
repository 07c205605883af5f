import { once } from 'node:events'
import type { Endpoint } from '../../addresses/endpoint.ts'
import { lookup } from '../../util/lookup.ts'
import { Failure } from '../failure.ts'
import { classifyStatus } from './classify.ts'

/**
 * Resolves when the endpoint accepts a TCP connection, which is then closed.
 *
 * @throws Failure `unreachable` when it refuses the connection
 * @throws `signal.reason` when the signal is aborted
 */
export type CheckPort = (endpoint: Endpoint, signal: AbortSignal) => Promise<void>

export const checkPort: CheckPort = async ({ url, host, port }, signal) => {
  signal.throwIfAborted()
  const socket = process.getBuiltinModule('node:net').connect({ host, port, lookup })
  try {
    await once(socket, 'connect', { signal })
  } catch (error) {
    signal.throwIfAborted()
    // A name with several addresses fails with one error for each: report the last.
    const cause: Error = error instanceof AggregateError ? error.errors.at(-1) : error
    const { reason, summary } = classifyStatus({ code: 14, details: '' }, cause)
    throw new Failure(reason, `${url}: ${summary} (${cause.message})`, { cause })
  } finally {
    socket.destroy()
  }
}
