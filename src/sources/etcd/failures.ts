import type { Reason } from '../../errors.ts'
import { Failure } from '../reasons.ts'
import type { Connection } from './connection.ts'

/**
 * How close to an answer an endpoint came that failed: of several, the closest is told. What speaks for the whole cluster
 * is closer than all else: no other endpoint will say otherwise.
 */
const closeness: Readonly<Record<Reason, number>> = {
  'tls-files-missing': 0,
  'tls-files-unreadable': 0,
  unreachable: 1,
  rejected: 2,
  'tls-rejected': 3,
  timeout: 4,
  unavailable: 5,
  learner: 6,
  'no-leader': 7,
  'not-set': 8,
  incomplete: 8,
  unauthenticated: Infinity,
  'permission-denied': Infinity,
  'invalid-value': Infinity,
}

/** Whether asking another endpoint is no use. */
export const speaksForAll = ({ reason }: Failure): boolean => closeness[reason] === Infinity

/** What a read that got no answer in time was waiting for. */
export function late(endpoint: string, stage: Connection['stage']): Failure {
  if (stage === 'connecting') {
    return new Failure('unreachable', `${endpoint}: no connection yet, as if packets were dropped`)
  }
  if (stage === 'handshake') {
    return new Failure(
      'timeout',
      `${endpoint}: it accepts connections and answers nothing, as an etcd that is starting or frozen`,
    )
  }
  return new Failure(
    'timeout',
    `${endpoint}: it took the request and does not answer, as an etcd that is frozen or is losing its quorum`,
  )
}

/** Of the failures of several endpoints, the one that is told. */
export function closest(errors: readonly unknown[]): unknown {
  const unexpected = errors.find((error) => !(error instanceof Failure))
  if (unexpected !== undefined) return unexpected
  const all = (errors as readonly Failure[]).toSorted((a, b) => closeness[b.reason] - closeness[a.reason])
  if (all.length === 0) return new Failure('timeout', 'attemptTimeoutMs was over before any endpoint could be asked')
  // While one endpoint may still come round, it is worth asking again.
  return all.find((failure) => speaksForAll(failure) || failure.retryForMs === Infinity) ?? all[0]
}
