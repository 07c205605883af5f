import { EventEmitter, once } from 'node:events'
import { onTestFinished } from 'vitest'
import type {
  ApiserverAddressError,
  ApiserverAddressEvents,
  Reason,
  ResolvedAddresses,
  ResolveOptions,
} from '../../src/index.ts'
import { resolveApiserverAddresses } from '../../src/index.ts'

type Phase = ApiserverAddressEvents['phase'][0]

/** A call that is under way, and all that a caller can see of it. Aborted, if need be, when its test ends. */
export class ObservedCall {
  readonly result: Promise<ResolvedAddresses>
  readonly events = new EventEmitter<ApiserverAddressEvents>()
  readonly phases: Phase[] = []
  /** Every attempt that failed, in order. */
  readonly failures: { readonly reason: Reason; readonly message: string }[] = []
  attempts = 0
  /** The longest pause before an attempt, in milliseconds, while no watch was open. */
  longestPauseMs = 0
  readonly #controller = new AbortController()

  constructor(options: ResolveOptions) {
    const { events } = this
    events.on('attempt', ({ attempt }) => (this.attempts = attempt))
    events.on('phase', (phase) => this.phases.push(phase))
    events.on('retry', ({ reason, error, delayMs, watching }) => {
      this.failures.push({ reason, message: error.message })
      if (!watching) this.longestPauseMs = Math.max(this.longestPauseMs, delayMs)
    })
    onTestFinished(() => this.#controller.abort())
    this.result = resolveApiserverAddresses({ events, signal: this.#controller.signal, ...options })
    this.result.catch(() => {})
  }

  /** What was waited for, one after the other. */
  get reasons(): Reason[] {
    return this.phases.map(({ reason }) => reason)
  }

  /** Resolves when this is what is waited for, and at once if it is already; rejects if the call ends without. */
  async until(reason: Reason): Promise<Phase> {
    for (;;) {
      const phase = this.phases.at(-1)
      if (phase?.reason === reason) return phase
      await this.#next('phase', reason)
    }
  }

  /** Resolves when one more attempt has failed; rejects if the call ends before. */
  async untilRetry(): Promise<void> {
    await this.#next('retry', 'another attempt')
  }

  async #next(type: 'phase' | 'retry', what: string): Promise<void> {
    const over = new AbortController()
    const ended = this.result.then(
      ({ addresses }) => Promise.reject(new Error(`resolved without ${what}: ${addresses.join()}`)),
      (error) => Promise.reject(new Error(`failed without ${what}`, { cause: error })),
    )
    try {
      await Promise.race([once(this.events, type, { signal: over.signal }), ended])
    } finally {
      over.abort()
    }
  }

  /** Ends a call that has shown what it should. */
  abort(): void {
    this.#controller.abort()
  }

  /** The error it ends with; rejects if it gives a list. */
  async error(): Promise<ApiserverAddressError> {
    return this.result.then(
      ({ addresses }) => Promise.reject(new Error(`resolved: ${addresses.join()}`)),
      (error: unknown) => error as ApiserverAddressError,
    )
  }
}
