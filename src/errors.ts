import { printable } from './util/text.ts'

/**
 * Why there is no list yet: a closed set, told by every event and error. README.md says for each what was seen and
 * what to do about it.
 */
export type Reason =
  | 'tls-files-missing'
  | 'tls-files-unreadable'
  | 'unreachable'
  | 'timeout'
  | 'no-leader'
  | 'learner'
  | 'unavailable'
  | 'not-set'
  | 'incomplete'
  | 'tls-rejected'
  | 'unauthenticated'
  | 'permission-denied'
  | 'invalid-value'
  | 'rejected'

/**
 * What ended the call:
 *
 * - `DEADLINE_EXCEEDED`: `timeoutMs` passed;
 * - `ATTEMPTS_EXHAUSTED`: `retry.maxAttempts` reads gave no list;
 * - `REJECTED`: asking again cannot help (`reason` says why);
 * - `CLOSED`: the watch was closed before it had a first list; told by `failed` alone, since a `next()` is then just done.
 */
export type ErrorCode = 'DEADLINE_EXCEEDED' | 'ATTEMPTS_EXHAUSTED' | 'REJECTED' | 'CLOSED'

/** What a call had done when it ended: the fields of {@link ApiserverAddressError}. */
export interface ErrorDetails {
  /** What ended the call. */
  readonly code: ErrorCode
  /** Why the last attempt gave nothing; `undefined` when there was none. */
  readonly reason: Reason | undefined
  /** Reads of the key that were started, the first included. */
  readonly attempts: number
  /** Milliseconds from the call to its end. */
  readonly elapsedMs: number
  /** What the layer below said, untouched. */
  readonly cause: unknown
}

/**
 * The one error of this package. Match on `code`, then on `reason`; the message is for people: one line with the key,
 * the endpoint, how long, how many attempts and the last real cause, and never a secret.
 *
 * An abort is not an error of ours: it rejects with `signal.reason` itself. Nonsense in the options is a `TypeError`.
 */
export class ApiserverAddressError extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', {
      value: 'ApiserverAddressError',
      configurable: true,
      writable: true,
    })
  }
  /** What ended the call. */
  readonly code: ErrorCode
  /** Why the last attempt gave nothing; `undefined` when there was none. */
  readonly reason: Reason | undefined
  /** Reads of the key that were started, the first included. */
  readonly attempts: number
  /** Milliseconds from the call to this error. */
  readonly elapsedMs: number

  /** Made by this package; by yours, where a test of yours needs one. */
  constructor(message: string, { code, reason, attempts, elapsedMs, cause }: ErrorDetails) {
    super(printable(message), { cause })
    this.code = code
    this.reason = reason
    this.attempts = attempts
    this.elapsedMs = elapsedMs
  }
}
