import { once } from 'node:events'
import { isLoopback, lookup } from '../../util/lookup.ts'
import { classifyConnectionError } from '../classify-connection.ts'
import type { CheckPort } from '../connection.ts'
import { Failure } from '../failure.ts'

/** Checks a port of etcd. */
export const checkPort: CheckPort = async ({ url, host, port }, signal) => {
  signal.throwIfAborted()
  const socket = process.getBuiltinModule('node:net').connect({ host, port, lookup })
  try {
    await once(socket, 'connect', { signal })
  } catch (error) {
    signal.throwIfAborted()
    // A name with several addresses fails with one error for each: report the last.
    const cause: Error = error instanceof AggregateError ? error.errors.at(-1) : error
    const { reason, summary } = classifyConnectionError('', cause, 'etcd')
    const isRefusedPort = isLoopback(host) && cause.message.includes('ECONNREFUSED')
    throw new Failure(reason, `${url}: ${summary} (${cause.message})`, { cause, isRefusedPort })
  } finally {
    socket.destroy()
  }
}
