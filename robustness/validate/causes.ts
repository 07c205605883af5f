import type { Reason } from '../../src/index.ts'
import type { SourceKind } from '../../src/sources/source.ts'
import type { FaultKind } from '../random/faults.ts'
import type { ValidationContext } from './context.ts'

/** What causes each reason: faults of some kinds, any fault, something else than a fault, or nothing. */
type Causes = Readonly<Record<Reason, readonly FaultKind[] | 'any' | 'no fault' | 'nothing'>>

/** An apiserver that starts refuses every user until it has read the roles from etcd. */
const starts = ['kill apiserver'] as const
const serverCertificates = ['future server certificate', 'foreign server certificate'] as const
const clientCertificates = ['renew client certificate'] as const

/**
 * The causes for each source. Those of etcd are not here: a learner has reasons without a fault, and the replies of etcd
 * differ between versions, for which the tests `faults-*` have tables.
 */
const causes: Readonly<Partial<Record<SourceKind, Causes>>> = {
  kubernetes: {
    // The history of the list decides about these two.
    'not-set': 'no fault',
    incomplete: 'no fault',
    // Some calls have attempts that are too short to connect.
    timeout: 'no fault',
    // The same: an attempt that is over before its files were read reports that their file system does not answer.
    'tls-files-unreadable': 'no fault',
    unreachable: 'any',
    unavailable: 'any',
    'tls-rejected': serverCertificates,
    'tls-files-missing': clientCertificates,
    unauthenticated: starts,
    'permission-denied': starts,
    rejected: 'nothing',
    'invalid-value': 'nothing',
    learner: 'nothing',
    'no-leader': 'nothing',
  },
}

/** How long a fault may have consequences: an apiserver that was killed has to start again, on a machine that is busy. */
const consequencesMs = 60_000

/**
 * Returns a problem if no fault explains that a call or watch waits.
 *
 * @param since when the wait began
 * @param at when it was reported
 */
export function validateCause(
  reason: Reason,
  since: number,
  at: number,
  { source, limits, hadFault, isFaultFree }: ValidationContext,
): string | undefined {
  const needed = causes[source]?.[reason]
  if (needed === undefined || needed === 'no fault') return undefined
  if (needed === 'nothing') return `the reason is ${reason}, which nothing in this campaign causes`
  // On a busy machine, an apiserver may be late, and refuse requests, without a fault.
  if (limits.resolveMs < Infinity && isFaultFree(since, at)) return `the reason is ${reason}, but no fault was active`
  return hadFault(needed, since - consequencesMs, at) ? undefined : `the reason is ${reason}, but no fault explains it`
}
