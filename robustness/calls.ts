import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiserverAddressError, resolveApiserverAddresses } from '../src/index.ts'
import type { ResolveOptions } from '../src/index.ts'
import type { SeededRandom } from '../test/support/random.ts'
import { emitterTo } from './events.ts'
import type { Told } from './events.ts'
import type { Journal } from './journal.ts'
import { judgeCall } from './judge-call.ts'
import type { CallRecord } from './judge-call.ts'
import { overdue } from './judge-patience.ts'
import type { WatchEvidence } from './judge-watch.ts'
import { planCall } from './plan-calls.ts'
import type { CallPlan } from './plan-calls.ts'

/** No more than these at a time. */
const maxRunning = 40

/** One-shot calls without end. */
export class Calls {
  /** How many ended how. */
  readonly outcomes: Record<string, number> = {}
  readonly #dice: SeededRandom
  readonly #options: (endpoints: readonly number[]) => ResolveOptions
  readonly #journal: Journal
  readonly #evidence: WatchEvidence
  readonly #running = new Set<Promise<void>>()
  #over: { readonly who: string; readonly record: CallRecord }[] = []
  #count = 0

  constructor(
    dice: SeededRandom,
    options: (endpoints: readonly number[]) => ResolveOptions,
    journal: Journal,
    evidence: WatchEvidence,
  ) {
    this.#dice = dice
    this.#options = options
    this.#journal = journal
    this.#evidence = evidence
  }

  /** Makes calls until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const plan = planCall(this.#dice.fork(String(this.#count)))
      const who = `call ${this.#count++}`
      await sleep(plan.afterMs, undefined, { signal }).catch(() => {})
      if (this.#running.size >= maxRunning || signal.aborted) continue
      const running: Promise<void> = this.#call(who, plan).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
  }

  /** Resolves when all calls so far are over: each has a deadline. */
  async end(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Judges those that are over. */
  settle(): void {
    for (const { who, record } of this.#over.splice(0)) {
      for (const problem of [...judgeCall(record, this.#evidence), overdue(record, this.#evidence)]) {
        if (problem !== undefined) this.#journal.violate(who, problem, record.endedAt)
      }
    }
  }

  async #call(who: string, plan: CallPlan): Promise<void> {
    const { abort } = plan
    const controller = new AbortController()
    const reason = new Error('the call is aborted')
    const told: Told[] = []
    let abortedAt: number | undefined
    const doAbort = () => {
      if (abortedAt !== undefined) return
      abortedAt = performance.now()
      this.#journal.note(who, 'abort')
      controller.abort(reason)
    }
    const events = emitterTo((each) => {
      told.push(each)
      this.#journal.note(who, each.event.type, each.event)
      if (abort !== undefined && 'on' in abort && abort.on === each.event.type) doAbort()
    })
    this.#journal.note(who, 'made', plan)
    const startedAt = performance.now()
    const ms = abort !== undefined && 'ms' in abort ? abort.ms : undefined
    const timer = ms === undefined ? undefined : setTimeout(doAbort, ms)
    if (ms === 0) doAbort()
    const { signal } = controller
    const options = { ...this.#options(plan.endpoints), ...plan.options, events, signal }
    const outcome = await resolveApiserverAddresses(options).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    )
    const endedAt = performance.now()
    clearTimeout(timer)
    if (getEventListeners(signal, 'abort').length > 0) {
      this.#journal.violate(who, 'invariant 6: it still listens to its signal')
    }
    const kind =
      'result' in outcome ? 'resolved' : outcome.error instanceof ApiserverAddressError ? outcome.error.code : 'aborted'
    this.outcomes[kind] = (this.outcomes[kind] ?? 0) + 1
    this.#over.push({ who, record: { plan, startedAt, endedAt, abortedAt, reason, told, outcome } })
  }
}
