import { Failure } from '../failure.ts'

/** How far a connection has got. */
export type Stage = 'resolving' | 'connecting' | 'handshake' | 'ready'

const descriptions = {
  resolving: ['unreachable', 'the host name is not resolved: DNS does not answer'],
  connecting: ['unreachable', 'no connection yet; packets may be dropped on the way'],
  handshake: ['timeout', 'TCP connected, but nothing answers: etcd may be starting or frozen'],
  ready: ['timeout', 'etcd took the request and does not answer: it may be frozen or without a quorum'],
} as const

/** Returns the failure of a read without an answer, by the stage that its connection has reached. */
export function lateFailure(url: string, stage: Stage): Failure {
  const [reason, description] = descriptions[stage]
  return new Failure(reason, `${url}: ${description}`)
}
