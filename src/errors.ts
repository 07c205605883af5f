import { printable } from './util/text.ts'

/**
 * The reason why there is no complete list yet, in events and errors. docs/troubleshooting.md says for each reason what
 * was seen, what it means and what to do.
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
 * How a call ended without a list:
 *
 * - `DEADLINE_EXCEEDED`: `timeoutMs` was over;
 * - `ATTEMPTS_EXHAUSTED`: `retry.maxAttempts` reads gave no list;
 * - `REJECTED`: waiting longer cannot help, and `reason` says why;
 * - `CLOSED`: a watch was closed before its first list. This code is only in the event `failed`, because `next()` then
 *   resolves with `done: true`.
 */
export type ErrorCode = 'DEADLINE_EXCEEDED' | 'ATTEMPTS_EXHAUSTED' | 'REJECTED' | 'CLOSED'

/** The fields of an {@link ApiserverAddressError}. */
export interface ErrorDetails {
  /** How the call ended. */
  readonly code: ErrorCode
  /** Why the last attempt gave no list; `undefined` if no attempt has failed. */
  readonly reason: Reason | undefined
  /** The number of reads of the list that were started. */
  readonly attempts: number
  /** Milliseconds from the start of the call to its end. */
  readonly elapsedMs: number
  /**
   * The error of Node, gRPC or etcd, unchanged. If there is none, an Error that says why the last attempt gave no list;
   * `undefined` if no attempt has failed.
   */
  readonly cause: unknown
}

/**
 * The error of a call or watch that ended without a list, or that cannot follow its list any longer.
 *
 * Programs check `code`, and then `reason`. The message is for people: one line with the key or the Service, the endpoint,
 * the time, the number of attempts and the cause, and without secrets.
 *
 * An abort rejects with `signal.reason` itself and not with this error. Invalid options are a `TypeError`.
 */
export class ApiserverAddressError extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', {
      value: 'ApiserverAddressError',
      configurable: true,
      writable: true,
    })
  }
  /** How the call ended. */
  readonly code: ErrorCode
  /** Why the last attempt gave no list; `undefined` if no attempt has failed. */
  readonly reason: Reason | undefined
  /** The number of reads of the list that were started. */
  readonly attempts: number
  /** Milliseconds from the start of the call to this error. */
  readonly elapsedMs: number

  /**
   * Creates an error. Only this package and your tests need it.
   *
   * @param message the message, in which control and format characters are escaped
   */
  constructor(message: string, { code, reason, attempts, elapsedMs, cause }: ErrorDetails) {
    super(printable(message), { cause })
    this.code = code
    this.reason = reason
    this.attempts = attempts
    this.elapsedMs = elapsedMs
  }
}
