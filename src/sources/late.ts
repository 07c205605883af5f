import type { LateFailure } from './connection.ts'
import { Failure } from './failure.ts'

/**
 * Returns the function that makes the failure of a read without an answer.
 *
 * @param server the server that is read, as it reads at the start of a sentence
 * @param unanswered what may keep an established server from answering
 */
export function createLateFailure(server: string, unanswered: string): LateFailure {
  const descriptions = {
    resolving: ['unreachable', 'the host name is not resolved: DNS does not answer'],
    connecting: ['unreachable', 'no connection yet; packets may be dropped on the way'],
    handshake: ['timeout', `TCP connected, but nothing answers: ${server} may be starting or frozen`],
    ready: ['timeout', `${server} took the request and does not answer: ${unanswered}`],
    closed: ['unreachable', `the connection to ${server} was lost`],
  } as const
  return (url, stage) => {
    const [reason, description] = descriptions[stage]
    return new Failure(reason, `${url}: ${description}`)
  }
}
