import { setTimeout as sleep } from 'node:timers/promises'
import type { ResolveOptions } from '../src/index.ts'
import type { SeededRandom } from '../test/support/random.ts'
import type { Journal } from './journal.ts'
import type { WatchEvidence } from './judge-watch.ts'
import { LiveWatch } from './live-watch.ts'
import { learner, planWatch } from './plan-calls.ts'

/** Several watches at a time. The first ones live as long as the campaign; whenever another ends, a new one follows. */
export class Watches {
  readonly #dice: SeededRandom
  readonly #options: (endpoints: readonly number[]) => ResolveOptions
  readonly #journal: Journal
  readonly #evidence: WatchEvidence
  readonly #open = new Set<LiveWatch>()
  readonly #over = new AbortController()
  readonly #slots: Promise<void>[] = []
  #past: LiveWatch[] = []
  count = 0
  changes = 0
  slowestPushMs = 0

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

  start(forever: number, others: number): void {
    for (let slot = 0; slot < forever + others; slot++) this.#slots.push(this.#fill(slot, slot < forever))
  }

  async #fill(slot: number, forever: boolean): Promise<void> {
    const { signal } = this.#over
    for (let n = 0; !signal.aborted; n++) {
      const dice = this.#dice.fork(`${slot}.${n}`)
      const plan = planWatch(dice, forever)
      await sleep(plan.afterMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const watch = new LiveWatch(
        `watch ${slot}.${n}`,
        plan,
        this.#options(plan.endpoints),
        dice,
        this.#journal,
        this.#evidence,
      )
      this.count++
      this.#open.add(watch)
      await watch.live()
      this.#open.delete(watch)
      this.#past.push(watch)
    }
  }

  /** Those that are open, and can have a list: a learner alone gives none. */
  get following(): LiveWatch[] {
    return [...this.#open].filter(({ plan }) => plan.endpoints.some((each) => each !== learner))
  }

  /** Judges what was told since the last time. */
  settle(): void {
    for (const watch of [...this.#past, ...this.#open]) {
      watch.settle()
      this.slowestPushMs = Math.max(this.slowestPushMs, watch.slowestPushMs)
    }
    for (const { changes } of this.#past) this.changes += changes
    this.#past = []
  }

  /** Ends all watches. */
  async end(): Promise<void> {
    this.#over.abort()
    await Promise.all([...this.#open].map((watch) => watch.end()))
    await Promise.all(this.#slots)
  }
}
