import type { ApiserverAddressEvent } from '../../src/index.ts'
import type { ObservedEvent } from '../report/records.ts'
import { validateCause } from './causes.ts'
import { ChangeValidator } from './changes.ts'
import type { ValidationContext } from './context.ts'

type EventOf<T> = Extract<ApiserverAddressEvent, { type: T }>

/** Validates the events of a watch in their order, from the first list on. */
export class WatchEventValidator {
  readonly #context: ValidationContext
  readonly #startedAt: number
  readonly #shrinkDelayMs: number
  readonly #changes: ChangeValidator
  #connectedAt: number | undefined
  /** When the outage began that goes on now. */
  #outageAt: number | undefined
  #resyncs = 0

  constructor(context: ValidationContext, startedAt: number, shrinkDelayMs: number) {
    this.#context = context
    this.#startedAt = startedAt
    this.#shrinkDelayMs = shrinkDelayMs
    this.#changes = new ChangeValidator(context, startedAt, shrinkDelayMs)
  }

  get slowestPushMs(): number {
    return this.#changes.slowestPushMs
  }

  validate({ at, event }: ObservedEvent): string | undefined {
    switch (event.type) {
      case 'resolved':
        this.#changes.start(event, at)
        return undefined
      case 'attempt':
        this.#changes.read(at)
        return undefined
      case 'changed':
        return this.#changes.validate(event, at, this.#connectedAt)
      case 'connected':
        if (this.#connectedAt !== undefined) return 'connected twice'
        this.#connectedAt = at
        this.#outageAt = undefined
        return this.#changes.validateConnected(Number(event.revision), at)
      case 'phase':
        return this.#validatePhase(event, at)
      case 'retry':
        return validateCause(event.reason, (this.#outageAt ??= at), at, this.#context)
      case 'disconnected':
        if (this.#connectedAt === undefined) return 'disconnected without having been connected'
        this.#connectedAt = undefined
        this.#outageAt = at
        return undefined
      case 'resynced':
        this.#changes.resync()
        return ++this.#resyncs > this.#restores(at) ? 'resynced, but the history was not replaced' : undefined
      case 'ignored':
        return this.#validateIgnored(event, at)
      case 'held':
        return this.#validateHeld(event)
      case 'failed':
        return `failed after the first list: ${event.error.message}`
      default:
        return undefined
    }
  }

  /** Returns a problem if the time in a phase is not that since the start of the outage. */
  #validatePhase({ elapsedMs }: EventOf<'phase'>, at: number): string | undefined {
    const startedAt = (this.#outageAt ??= at)
    const lastedMs = at - startedAt
    const toleranceMs = 50 + this.#context.eventLoopDelayMs(startedAt, at)
    return Math.abs(elapsedMs - lastedMs) > toleranceMs
      ? `elapsedMs of the phase is ${elapsedMs}, but the outage has lasted for ${Math.round(lastedMs)} ms`
      : undefined
  }

  /** Returns how often the history may have been replaced since the watch started. */
  #restores(at: number): number {
    const { states } = this.#context.history
    return states.filter(
      ({ epoch, sentAt, completedAt }, index) =>
        epoch > (states[index - 1]?.epoch ?? 0) && completedAt >= this.#startedAt && sentAt <= at,
    ).length
  }

  #validateIgnored({ reason, revision }: EventOf<'ignored'>, at: number): string | undefined {
    const { history } = this.#context
    const isPossible = history.states.some(
      ({ kind, text }, index) =>
        kind === reason &&
        history.mayBeCurrent(index, this.#startedAt, at) &&
        (history.hasRevision(index, Number(revision)) || text === ''),
    )
    return isPossible ? undefined : `ignored ${reason} of revision ${revision}, which never existed during the watch`
  }

  #validateHeld({ missing, untilMs }: EventOf<'held'>): string | undefined {
    const { addresses } = this.#changes
    return missing.every((address) => addresses.includes(address)) && untilMs <= this.#shrinkDelayMs
      ? undefined
      : `held ${missing.join()} for ${untilMs} ms, but the list is ${addresses.join()}`
  }
}
