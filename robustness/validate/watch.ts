import type { WatchScenario } from '../random/watches.ts'
import type { ObservedEvent } from '../report/records.ts'
import { validateCall } from './call.ts'
import type { ValidationContext } from './context.ts'
import { WatchEventValidator } from './watch-events.ts'

interface Watch {
  readonly scenario: WatchScenario
  readonly startedAt: number
  readonly abortReason: unknown
  /** When the caller ended the watch. */
  readonly requestedAt: number | undefined
}

/** Validates the events of a watch: the wait for the first list as a call, and then what follows it. */
export class WatchValidator {
  readonly #watch: Watch
  readonly #context: ValidationContext
  readonly #following: WatchEventValidator
  /** The events up to the first list; `undefined` after it. */
  #waiting: ObservedEvent[] | undefined = []

  constructor(watch: Watch, context: ValidationContext) {
    this.#watch = watch
    this.#context = context
    this.#following = new WatchEventValidator(context, watch.startedAt, watch.scenario.options.shrinkDelayMs)
  }

  get slowestPushMs(): number {
    return this.#following.slowestPushMs
  }

  validate(observed: ObservedEvent): string[] {
    if (this.#waiting !== undefined) return this.#validateWait(observed, this.#waiting)
    const problem = this.#following.validate(observed)
    return problem === undefined ? [] : [problem]
  }

  #validateWait(observed: ObservedEvent, events: ObservedEvent[]): string[] {
    const { event, at } = observed
    const { scenario, startedAt, requestedAt, abortReason } = this.#watch
    events.push(observed)
    if (event.type !== 'resolved' && event.type !== 'failed' && event.type !== 'aborted') return []
    this.#waiting = undefined
    if (event.type === 'resolved') this.#following.validate(observed)
    if (event.type === 'failed' && 'code' in event.error && event.error.code === 'CLOSED') {
      return requestedAt === undefined ? ['failed with CLOSED, but the caller had not closed the watch'] : []
    }
    const outcome =
      event.type === 'resolved' ? { result: event } : { error: event.type === 'failed' ? event.error : event.reason }
    const abortedAt = event.type === 'aborted' ? requestedAt : undefined
    const { shrinkDelayMs: _removal, probeIntervalMs: _interval, ...options } = scenario.options
    const scenarioOfCall = { ...scenario, options }
    const call = {
      scenario: scenarioOfCall,
      startedAt,
      endedAt: at,
      abortedAt,
      abortReason,
      events,
      outcome,
      abortListeners: 0,
    }
    return validateCall(call, this.#context)
  }
}
