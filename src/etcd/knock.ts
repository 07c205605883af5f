import { Failure, judge } from '../reasons.ts'

/**
 * Resolves when something accepts a connection at the endpoint, which is then closed.
 *
 * @throws Failure `unreachable` when nothing does
 * @throws `signal.reason` when the signal is aborted
 */
export async function knock(endpoint: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  // A URL leaves out the port that its scheme has by itself.
  const { hostname, port, protocol } = new URL(endpoint)
  const to = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }
  const socket = process.getBuiltinModule('node:net').connect(to)
  try {
    await process.getBuiltinModule('node:events').once(socket, 'connect', { signal })
  } catch (error) {
    signal.throwIfAborted()
    // Of a name with several addresses, the one tried last.
    const cause: Error = error instanceof AggregateError ? error.errors.at(-1) : error
    const [reason, summary] = judge({ code: 14, details: '' }, cause)
    throw new Failure(reason, `${endpoint}: ${summary} (${cause.message})`, { cause })
  } finally {
    socket.destroy()
  }
}
