import type { Reason } from '../errors.ts'
import type { SourceKind } from './source.ts'

/** How the package handles one reason. */
interface ReasonPolicy {
  /** What the call waits for, as it reads after "waiting for": a name for all sources, or one for each. */
  readonly awaited: string | Readonly<Record<SourceKind, string>>
  /** How long the reason may last in milliseconds before the call ends with it: 0 is at once, `Infinity` is never. */
  readonly retryForMs: number
  /** Of several endpoints that fail, the failure with the highest rank is reported: it got furthest. */
  readonly rank: number
  /** `info` for a normal phase of a start; `warn` for what an operator should look at. */
  readonly logLevel: 'info' | 'warn'
  /**
   * `retryForMs` when the list is read from an apiserver, where the reason is a normal phase of its start. The log level
   * is then `info`.
   */
  readonly retryForMsInKubernetes?: number
}

/** A certificate rotation rewrites three files, and etcd needs a moment to load them. */
const rotationMs = 10_000

/** RBAC is there some seconds after a server's start, and an agent renews its certificates when it starts. */
const accessMs = 60_000

/** The rank of a failure that is the same on every endpoint of the cluster: reading another endpoint cannot help. */
export const clusterWideRank: number = Infinity

const server = { etcd: 'etcd', kubernetes: 'the apiserver' } as const
const list = { etcd: 'the key', kubernetes: 'the EndpointSlices' } as const
const access = { etcd: 'etcd', kubernetes: 'access to the EndpointSlices' } as const

/** The one table that decides between waiting and giving up. */
export const reasons: Readonly<Record<Reason, ReasonPolicy>> = {
  'tls-files-missing': { awaited: 'the certificate files', retryForMs: Infinity, rank: 0, logLevel: 'info' },
  'tls-files-unreadable': { awaited: 'the certificate files', retryForMs: 0, rank: 0, logLevel: 'warn' },
  unreachable: { awaited: server, retryForMs: Infinity, rank: 1, logLevel: 'info' },
  rejected: { awaited: server, retryForMs: 0, rank: 2, logLevel: 'warn' },
  'tls-rejected': {
    awaited: 'certificates that both sides accept',
    retryForMs: rotationMs,
    rank: 3,
    logLevel: 'warn',
  },
  timeout: {
    awaited: { etcd: 'an answer of etcd', kubernetes: 'an answer of the apiserver' },
    retryForMs: Infinity,
    rank: 4,
    logLevel: 'info',
  },
  unavailable: { awaited: server, retryForMs: Infinity, rank: 5, logLevel: 'info' },
  learner: { awaited: 'the promotion of this etcd member', retryForMs: Infinity, rank: 6, logLevel: 'info' },
  'no-leader': { awaited: "etcd's quorum", retryForMs: Infinity, rank: 7, logLevel: 'info' },
  'not-set': { awaited: list, retryForMs: Infinity, rank: 8, logLevel: 'info' },
  incomplete: { awaited: 'the full set of apiservers', retryForMs: Infinity, rank: 8, logLevel: 'info' },
  unauthenticated: {
    awaited: access,
    retryForMs: 0,
    rank: clusterWideRank,
    logLevel: 'warn',
    retryForMsInKubernetes: accessMs,
  },
  'permission-denied': {
    awaited: access,
    retryForMs: 0,
    rank: clusterWideRank,
    logLevel: 'warn',
    retryForMsInKubernetes: accessMs,
  },
  'invalid-value': { awaited: list, retryForMs: 0, rank: clusterWideRank, logLevel: 'warn' },
}

/** Returns what a call waits for, as it reads after "waiting for". */
export function awaited(reason: Reason, source: SourceKind | undefined): string {
  const { awaited: name } = reasons[reason]
  return typeof name === 'string' ? name : name[source ?? 'etcd']
}

/** Returns the log level of a reason. */
export function logLevelOf(reason: Reason, source: SourceKind | undefined): 'info' | 'warn' {
  const { logLevel, retryForMsInKubernetes } = reasons[reason]
  return source === 'kubernetes' && retryForMsInKubernetes !== undefined ? 'info' : logLevel
}

/** Returns how long a reason may last in milliseconds before the call ends with it. */
export function retryForMsOf(reason: Reason, source: SourceKind | undefined): number {
  const { retryForMs, retryForMsInKubernetes = retryForMs } = reasons[reason]
  return source === 'kubernetes' ? retryForMsInKubernetes : retryForMs
}
