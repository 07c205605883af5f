import { onTestFinished } from 'vitest'
import type {
  ApiserverAddressError,
  ApiserverAddressEvents,
  Reason,
  ResolvedAddresses,
  ResolveOptions,
} from '../../src/index.ts'
import { resolveApiserverAddresses } from '../../src/index.ts'
import { Recorder } from './recorder.ts'

type Phase = ApiserverAddressEvents['phase'][0]

/** A call with everything that its caller can observe. It is aborted at the end of the test, if it has not ended. */
export class ObservedCall {
  readonly events = new Recorder()
  readonly result: Promise<ResolvedAddresses>
  readonly #controller = new AbortController()

  constructor(options: ResolveOptions) {
    onTestFinished(() => this.#controller.abort())
    const { signal } = this.#controller
    this.result = resolveApiserverAddresses({ events: this.events.emitter, signal, ...options })
    this.result.catch(() => {})
  }

  /** The number of attempts so far. */
  get attempts(): number {
    return this.events.of('attempt').length
  }

  /** The messages of the attempts that have failed, in order. */
  get failures(): string[] {
    return this.events.of('retry').map(({ error }) => error.message)
  }

  /** The reasons of the phases, in order. */
  get reasons(): Reason[] {
    return this.events.of('phase').map(({ reason }) => reason)
  }

  /** The longest pause before an attempt, in milliseconds, while no watch was open. */
  get longestPauseMs(): number {
    return Math.max(0, ...this.events.of('retry').map(({ delayMs, watching }) => (watching ? 0 : delayMs)))
  }

  /** Resolves when the current phase has this reason. Rejects if the call ends before. */
  async until(reason: Reason): Promise<Phase> {
    for (;;) {
      const phase = this.events.of('phase').at(-1)
      if (phase?.reason === reason) return phase
      await this.#nextEvent(reason)
    }
  }

  /** Resolves when one more attempt has failed. Rejects if the call ends before. */
  async untilRetry(): Promise<void> {
    const before = this.failures.length
    while (this.failures.length === before) await this.#nextEvent('another attempt')
  }

  async #nextEvent(awaited: string): Promise<void> {
    const ended = this.result.then(
      ({ addresses }) => Promise.reject(new Error(`resolved without ${awaited}: ${addresses.join()}`)),
      (error) => Promise.reject(new Error(`failed without ${awaited}`, { cause: error })),
    )
    await Promise.race([this.events.next(), ended])
  }

  abort(): void {
    this.#controller.abort()
  }

  /** Resolves with the error of the call. Rejects if the call resolves. */
  async error(): Promise<ApiserverAddressError> {
    return this.result.then(
      ({ addresses }) => Promise.reject(new Error(`resolved: ${addresses.join()}`)),
      (error: unknown) => error as ApiserverAddressError,
    )
  }
}
