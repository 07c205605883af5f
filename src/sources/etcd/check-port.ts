import { once } from 'node:events'
import { hostAndPort } from '../../addresses/host-port.ts'
import { classifyStatus, Failure } from '../reasons.ts'

/**
 * Resolves when something accepts a connection at the endpoint, which is then closed.
 *
 * @throws Failure `unreachable` when nothing does
 * @throws `signal.reason` when the signal is aborted
 */
export async function checkPort(endpoint: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const socket = process.getBuiltinModule('node:net').connect(hostAndPort(endpoint))
  try {
    await once(socket, 'connect', { signal })
  } catch (error) {
    signal.throwIfAborted()
    // Of a name with several addresses, the one tried last.
    const cause: Error = error instanceof AggregateError ? error.errors.at(-1) : error
    const [reason, summary] = classifyStatus({ code: 14, details: '' }, cause)
    throw new Failure(reason, `${endpoint}: ${summary} (${cause.message})`, { cause })
  } finally {
    socket.destroy()
  }
}
