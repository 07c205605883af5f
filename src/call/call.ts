import { ApiserverAddressError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { nodeHint } from '../rke2.ts'
import { reasons } from '../sources/reasons.ts'
import type { Failure } from '../sources/reasons.ts'
import { LinkedAbortController } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { printable } from '../util/text.ts'
import type { Config } from './config.ts'
import { createEmit, seconds } from './emit.ts'
import type { Emit } from './emit.ts'

/** One call, or one watch: since when it runs, what it waits for, what it has told, and how it ends. */
export class Call {
  readonly emit: Emit
  readonly #config: Config
  readonly #clock: Clock
  readonly #controller: LinkedAbortController
  readonly #startedAt: number
  readonly #deadline = new LinkedAbortController(undefined)
  #deadlineAt = Infinity
  #attempts = 0
  #last: Failure | undefined
  #lastHint: string | undefined
  #phaseSince: number

  constructor(config: Config, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#phaseSince = this.#startedAt
    this.emit = createEmit(config.key, config.events, config.logger)
    this.#controller = new LinkedAbortController(config.signal)
  }

  /** Aborted by the caller's signal (with its reason), by the deadline, or by `end`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get attempts(): number {
    return this.#attempts
  }

  get elapsedMs(): number {
    return Math.round(this.#clock.now() - this.#startedAt)
  }

  /** Milliseconds to the deadline; `Infinity` without one. */
  get remainingMs(): number {
    return Math.ceil(this.#deadlineAt - this.#clock.now())
  }

  /** @param pending what is being waited for, given what has failed last */
  startDeadline(timeoutMs: number, pending: (last: Failure | undefined) => Failure | undefined): void {
    if (timeoutMs === Infinity) return
    this.#deadlineAt = this.#clock.now() + timeoutMs
    const expire = () => {
      const last = this.#last
      this.#last = pending(last)
      // What was waited for until now is there, and no phase has told of it.
      if (last !== undefined && last.reason !== this.#last?.reason) {
        this.#phaseSince = this.#clock.now()
        this.#lastHint = undefined
      }
      this.#controller.abort(this.error('DEADLINE_EXCEEDED'))
    }
    this.#clock.sleep(timeoutMs, this.#deadline.signal).then(expire, () => {})
  }

  stopDeadline(): void {
    this.#deadline.end()
    this.#deadlineAt = Infinity
  }

  countAttempt(): void {
    this.#attempts++
    this.emit({ type: 'attempt', attempt: this.#attempts })
  }

  /** Notes why there is no list, and tells if that is news. */
  waitFor(failure: Failure): void {
    const previous = this.#last
    const hint = failure.hint ?? this.#hint(failure)
    const news = previous?.reason !== failure.reason || this.#lastHint !== hint
    this.#last = failure
    this.#lastHint = hint
    if (!news) return
    if (previous?.reason !== failure.reason) this.#phaseSince = this.#clock.now()
    const { reason, message, missing } = failure
    this.emit({
      type: 'phase',
      reason,
      previous: previous?.reason,
      elapsedMs: this.elapsedMs,
      message,
      hint,
      ...(missing.length > 0 && { missing }),
    })
  }

  /** There is a list: the next failure starts a phase of its own. */
  succeed(): void {
    this.#last = undefined
    this.#lastHint = undefined
  }

  error(code: ErrorCode): ApiserverAddressError {
    const { elapsedMs, attempts } = this
    const failure = this.#last
    const tries = `${attempts} attempt${attempts === 1 ? '' : 's'}`
    const what = {
      DEADLINE_EXCEEDED: 'timed out',
      ATTEMPTS_EXHAUSTED: 'gave up',
      REJECTED: 'failed',
      CLOSED: 'closed',
    }[code]
    let message = `${this.#config.key}: ${what} after ${seconds(elapsedMs)} and ${tries}`
    if (failure !== undefined) {
      const waited = `waiting for ${reasons[failure.reason].description} for the last ${seconds(this.#clock.now() - this.#phaseSince)}`
      message += `${code === 'REJECTED' ? '' : `, ${waited}`}: ${failure.message}`
    }
    if (this.#lastHint !== undefined) message += `; ${this.#lastHint}`
    const cause = failure?.cause ?? failure
    return new ApiserverAddressError(message, { code, reason: failure?.reason, attempts, elapsedMs, cause })
  }

  /** Tells how the call ended: by the caller's own abort, or by an error. */
  fail(error: unknown): void {
    const { signal } = this.#config
    if (signal?.aborted === true && error === signal.reason) this.emit({ type: 'aborted', reason: error })
    else this.emit({ type: 'failed', error: error instanceof Error ? error : new Error(String(error)) })
  }

  /** Ends every wait with this reason. */
  stop(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Ends every wait and lets go of the caller's signal. */
  end(): void {
    this.#deadline.end()
    this.#controller.end()
  }

  #hint({ reason }: Failure): string | undefined {
    const local = this.#config.usesDataDir && (reason === 'tls-files-missing' || reason === 'unreachable')
    const hint = local ? nodeHint(this.#config.dataDir) : undefined
    return hint === undefined ? undefined : printable(hint)
  }
}
