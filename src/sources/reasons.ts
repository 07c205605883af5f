import type { Reason } from '../errors.ts'

/** How the package handles one reason. */
interface ReasonPolicy {
  /** The component that the call waits for, as it reads after "waiting for". */
  readonly description: string
  /** How long the reason may last in milliseconds before the call ends with it: 0 is at once, `Infinity` is never. */
  readonly retryForMs: number
  /** Of several endpoints that fail, the failure with the highest rank is reported: it got furthest. */
  readonly rank: number
  /** `info` for a normal phase of a start; `warn` for what an operator should look at. */
  readonly logLevel: 'info' | 'warn'
}

/** A certificate rotation rewrites three files, and etcd needs a moment to load them. */
const rotationMs = 10_000

/** The rank of a failure that is the same on every endpoint of the cluster: reading another endpoint cannot help. */
export const clusterWideRank: number = Infinity

/** The one table that decides between waiting and giving up. */
export const reasons: Readonly<Record<Reason, ReasonPolicy>> = {
  'tls-files-missing': { description: 'the certificate files', retryForMs: Infinity, rank: 0, logLevel: 'info' },
  'tls-files-unreadable': { description: 'the certificate files', retryForMs: 0, rank: 0, logLevel: 'warn' },
  unreachable: { description: 'etcd', retryForMs: Infinity, rank: 1, logLevel: 'info' },
  rejected: { description: 'etcd', retryForMs: 0, rank: 2, logLevel: 'warn' },
  'tls-rejected': {
    description: 'certificates that both sides accept',
    retryForMs: rotationMs,
    rank: 3,
    logLevel: 'warn',
  },
  timeout: { description: 'an answer of etcd', retryForMs: Infinity, rank: 4, logLevel: 'info' },
  unavailable: { description: 'etcd', retryForMs: Infinity, rank: 5, logLevel: 'info' },
  learner: { description: 'the promotion of this etcd member', retryForMs: Infinity, rank: 6, logLevel: 'info' },
  'no-leader': { description: "etcd's quorum", retryForMs: Infinity, rank: 7, logLevel: 'info' },
  'not-set': { description: 'the key', retryForMs: Infinity, rank: 8, logLevel: 'info' },
  incomplete: { description: 'the full set of apiservers', retryForMs: Infinity, rank: 8, logLevel: 'info' },
  unauthenticated: { description: 'etcd', retryForMs: 0, rank: clusterWideRank, logLevel: 'warn' },
  'permission-denied': { description: 'etcd', retryForMs: 0, rank: clusterWideRank, logLevel: 'warn' },
  'invalid-value': { description: 'the key', retryForMs: 0, rank: clusterWideRank, logLevel: 'warn' },
}
