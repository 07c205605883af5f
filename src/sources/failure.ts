import type { Reason } from '../errors.ts'
import { printable } from '../util/text.ts'
import { clusterWideRank, reasons } from './reasons.ts'

/** The parts of a {@link Failure} that not every failure has. */
interface FailureOptions {
  readonly cause?: unknown
  readonly hint?: string | undefined
  readonly retryForMs?: number | undefined
  readonly missing?: readonly string[]
  readonly retryAfterMs?: number | undefined
  readonly isRefusedPort?: boolean | undefined
}

/**
 * An attempt that gave no list, and the reason. It leaves the package as the `error` of an event, and as the
 * `cause` of an error that has no other cause.
 */
export class Failure extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'Failure', configurable: true, writable: true })
  }
  readonly reason: Reason
  /**
   * How long in milliseconds the call retries this failure before it ends. New certificate files or a success start the
   * time again.
   */
  readonly retryForMs: number
  /** What the cause may be and what to do, if the package has a guess. */
  readonly hint: string | undefined
  /** The server wants to be left alone for this time in milliseconds. */
  readonly retryAfterMs: number
  /** Whether nothing listens on the port, which says nothing about the other endpoints. */
  readonly isRefusedPort: boolean
  /** The addresses of `expect` that are not in the list, or dead. */
  readonly missing: readonly string[]

  constructor(reason: Reason, message: string, options: FailureOptions = {}) {
    super(printable(message), 'cause' in options ? { cause: options.cause } : undefined)
    this.reason = reason
    this.retryForMs = options.retryForMs ?? reasons[reason].retryForMs
    this.hint = options.hint && printable(options.hint)
    this.missing = options.missing ?? []
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.isRefusedPort = options.isRefusedPort ?? false
  }

  /** Returns the same failure, retried for another time. */
  retriedFor(retryForMs: number): Failure {
    const { reason, message, cause, hint, missing, retryAfterMs, isRefusedPort } = this
    return new Failure(reason, message, { cause, hint, missing, retryAfterMs, isRefusedPort, retryForMs })
  }

  /** Whether every endpoint of the cluster would fail in the same way. */
  get isClusterWide(): boolean {
    return reasons[this.reason].rank === clusterWideRank
  }
}

/**
 * Returns the failure to report when several endpoints have failed: the one that got furthest.
 *
 * A port that nothing listens on is ignored if there is another failure: on a node, some of the default ports are not used.
 *
 * A failure that may pass comes first, because the call then tries again. An error that is no `Failure` is a defect, and
 * is returned as it is.
 */
export function mostInformative(errors: readonly unknown[]): unknown {
  const defect = errors.find((error) => !(error instanceof Failure))
  if (defect !== undefined) return defect
  const failures = errors as readonly Failure[]
  const answers = failures.filter(({ isRefusedPort }) => !isRefusedPort)
  const ranked = (answers.length > 0 ? answers : failures).toSorted(
    (a, b) => reasons[b.reason].rank - reasons[a.reason].rank,
  )
  return (
    ranked.find((failure) => failure.isClusterWide || failure.retryForMs === Infinity) ??
    ranked[0] ??
    new Failure('timeout', 'attemptTimeoutMs was over before any endpoint was read')
  )
}
