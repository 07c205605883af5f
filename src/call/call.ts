import { ApiserverAddressError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import type { Failure } from '../sources/failure.ts'
import { awaited } from '../sources/reasons.ts'
import type { Source } from '../sources/source.ts'
import { LinkedAbortController } from '../util/abort.ts'
import { withFramesOf } from '../util/caller.ts'
import type { Clock } from '../util/clock.ts'
import { count, seconds } from '../util/text.ts'
import type { Config } from './config.ts'
import { nextCallNumber } from './diagnostics.ts'
import { createEmit } from './emit.ts'
import type { Emit } from './emit.ts'
import { HintFinder } from './hint.ts'

const endings: Readonly<Record<ErrorCode, string>> = {
  DEADLINE_EXCEEDED: 'timed out',
  ATTEMPTS_EXHAUSTED: 'gave up',
  REJECTED: 'failed',
  CLOSED: 'closed',
}

/** One running call or watch: its deadline, its attempts, its phases, and how it ends. */
export class Call {
  /** Identifies the call in this process. */
  readonly number: number = nextCallNumber()
  readonly emit: Emit
  readonly #config: Config
  readonly #clock: Clock
  readonly #controller: LinkedAbortController
  readonly #source: Pick<Source, 'subject' | 'kind' | 'hint'>
  readonly #hints: HintFinder
  readonly #startedAt: number
  readonly #deadline = new LinkedAbortController(undefined)
  #deadlineAt = Infinity
  #attempts = 0
  /** What the call waits for, and the hint that was emitted for it. */
  #last: Failure | undefined
  #lastHint: string | undefined
  #phaseSince: number
  /** The time at which the current wait began; `undefined` while there is a list. */
  #waitingSince: number | undefined

  constructor(config: Config, clock: Clock, source: Pick<Source, 'subject' | 'kind' | 'hint'>) {
    this.#config = config
    this.#source = source
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#phaseSince = this.#startedAt
    this.#waitingSince = this.#startedAt
    // Before the events, which start a timer: a signal that takes no listener ends the constructor here.
    this.#controller = new LinkedAbortController(config.signal)
    this.emit = createEmit(this.number, source, config, clock)
    this.#hints = new HintFinder(source, clock)
  }

  /** Aborted by the caller's signal (with its reason), by the deadline, by `stop` and by `end`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The number of reads so far. */
  get attempts(): number {
    return this.#attempts
  }

  get elapsedMs(): number {
    return Math.round(this.#clock.now() - this.#startedAt)
  }

  /** Milliseconds until the deadline; `Infinity` without one, and 0 after it. */
  get remainingMs(): number {
    return Math.max(0, Math.ceil(this.#deadlineAt - this.#clock.now()))
  }

  /**
   * Starts the deadline of the call.
   *
   * @param pending returns what the call waits for when the time is over, given the last failure
   */
  startDeadline(timeoutMs: number, pending: (last: Failure | undefined) => Failure | undefined): void {
    if (timeoutMs === Infinity) return
    this.#deadlineAt = this.#clock.now() + timeoutMs
    const expire = () => {
      const last = this.#last
      this.#last = pending(last)
      // The call now waits for something that no phase event has named.
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
    const { kind } = this.#source
    this.emit({ type: 'attempt', attempt: this.#attempts, source: kind })
  }

  /**
   * Notes why there is no list, and emits a phase if the reason or the hint is a new one.
   *
   * @throws the reason of the call's signal, when it is aborted
   */
  async waitFor(failure: Failure): Promise<void> {
    const [previous, previousHint] = [this.#last, this.#lastHint]
    const isNewReason = previous?.reason !== failure.reason
    const now = this.#clock.now()
    this.#waitingSince ??= now
    this.#last = failure
    if (isNewReason) {
      this.#phaseSince = now
      this.#lastHint = undefined
    }
    const elapsedMs = Math.round(now - this.#waitingSince)
    const hint = await this.#hints.of(failure, now - this.#phaseSince, this.signal)
    this.#lastHint = hint
    if (isNewReason || previousHint !== hint) this.#emitPhase(failure, previous, elapsedMs)
  }

  /** Notes that there is a list: the next failure starts a new phase. */
  succeed(): void {
    this.#waitingSince = undefined
    this.#last = undefined
    this.#lastHint = undefined
  }

  /** Returns the error that ends the call, with the last failure as its cause. */
  error(code: ErrorCode): ApiserverAddressError {
    const { elapsedMs, attempts } = this
    const failure = this.#last
    let message = `${this.#source.subject}: ${endings[code]} after ${seconds(elapsedMs)} and ${count(attempts, 'attempt')}`
    if (failure !== undefined) {
      const phaseMs = this.#clock.now() - this.#phaseSince
      const waited = `, waiting for ${awaited(failure.reason, this.#source.kind)} for the last ${seconds(phaseMs)}`
      message += `${code === 'REJECTED' ? '' : waited}: ${failure.message}`
    }
    if (this.#lastHint !== undefined) message += `; ${this.#lastHint}`
    const cause = failure?.cause ?? failure
    const error = new ApiserverAddressError(message, { code, reason: failure?.reason, attempts, elapsedMs, cause })
    return withFramesOf(this.#config.caller, error)
  }

  /** Emits how the call has ended: by the caller's signal or with an error. */
  fail(error: unknown): void {
    const { signal } = this.#config
    // Object.is, because a caller may abort with NaN.
    if (signal?.aborted === true && Object.is(error, signal.reason)) this.emit({ type: 'aborted', reason: error })
    else this.emit({ type: 'failed', error: error instanceof Error ? error : new Error(String(error)) })
  }

  /** Aborts every wait with this reason. */
  stop(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Aborts every wait, and unlinks the caller's signal. */
  end(): void {
    this.#deadline.end()
    this.#controller.end()
  }

  #emitPhase({ reason, message, missing }: Failure, previous: Failure | undefined, elapsedMs: number): void {
    this.emit({
      type: 'phase',
      reason,
      source: this.#source.kind,
      previous: previous?.reason,
      elapsedMs,
      message,
      hint: this.#lastHint,
      ...(missing.length > 0 && { missing }),
    })
  }
}
