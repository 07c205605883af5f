import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchApiserverAddresses } from '../src/index.ts'
import type {
  AddressChange,
  AddressList,
  ApiserverAddressWatch,
  ResolvedAddresses,
  WatchOptions,
} from '../src/index.ts'
import type { SeededRandom } from '../test/support/random.ts'
import { emitterTo } from './events.ts'
import type { Told } from './events.ts'
import type { Journal } from './journal.ts'
import { judgeCall, slackMs } from './judge-call.ts'
import { malformed } from './judge-list.ts'
import { WatchJudge } from './judge-watch.ts'
import type { WatchEvidence } from './judge-watch.ts'
import type { WatchPlan } from './plan-calls.ts'

interface Given {
  readonly at: number
  readonly list: AddressList
}

/** One watch, its reader, and all that a caller can see of it. */
export class LiveWatch {
  readonly who: string
  readonly plan: WatchPlan
  readonly #dice: SeededRandom
  readonly #journal: Journal
  readonly #evidence: WatchEvidence
  readonly #watch: ApiserverAddressWatch
  readonly #judge: WatchJudge
  readonly #controller = new AbortController()
  readonly #reason = new Error('the watch is aborted')
  readonly #over = new AbortController()
  readonly startedAt = performance.now()
  readonly #reading: Promise<void>
  /** Told, and not judged yet. */
  #told: Told[] = []
  /** Told up to the first list, or to the end if there is none. */
  #first: Told[] | undefined = []
  /** Lists told; the last few. */
  #lists: Given[] = []
  #count = 0
  #given: AddressChange | undefined
  #endedAt: number | undefined
  #failure: { readonly error: unknown } | undefined
  #closed = false
  changes = 0

  constructor(
    who: string,
    plan: WatchPlan,
    options: WatchOptions,
    dice: SeededRandom,
    journal: Journal,
    evidence: WatchEvidence,
  ) {
    this.who = who
    this.plan = plan
    this.#dice = dice
    this.#journal = journal
    this.#evidence = evidence
    journal.note(who, 'opened', plan)
    this.#judge = new WatchJudge(evidence, this.startedAt, plan.options.shrinkDelayMs ?? 3000)
    const events = emitterTo((told) => this.#listen(told))
    this.#watch = watchApiserverAddresses({ ...options, ...plan.options, events, signal: this.#controller.signal })
    this.#reading = this.#read()
  }

  /** The list told last, and since when. */
  get latest(): Given | undefined {
    return this.#lists.at(-1)
  }

  /** Whether the reader has been given what was told last. */
  get upToDate(): boolean {
    return this.#given !== undefined && this.#given.addresses.join() === this.latest?.list.addresses.join()
  }

  get slowestPushMs(): number {
    return this.#judge.slowestPushMs
  }

  /** Lives its life. Resolves when it has been ended, or has ended by itself. */
  async live(): Promise<void> {
    await Promise.race([
      this.#reading,
      this.plan.lifeMs === Infinity
        ? new Promise(() => {})
        : sleep(this.plan.lifeMs, undefined, { signal: this.#over.signal }),
    ]).catch(() => {})
    await this.end()
  }

  /** Ends it, as planned. */
  async end(): Promise<void> {
    this.#over.abort()
    if (this.#endedAt === undefined) {
      this.#endedAt = performance.now()
      this.#journal.note(this.who, this.plan.end)
    }
    const endedAt = this.#endedAt
    await this.#end()
    await this.#reading
    const late = performance.now() - endedAt - this.#evidence.lateMs(endedAt, performance.now())
    if (late > slackMs) this.#violate(`invariant 5: it took ${Math.round(late)} ms to end`)
    if (!this.#closed) this.#violate('it is over, and did not tell')
    if (getEventListeners(this.#controller.signal, 'abort').length > 0) {
      this.#violate('invariant 6: it still listens to its signal')
    }
    const { done } = await this.#watch.next()
    if (done !== true) this.#violate('it goes on after its end')
  }

  async #end(): Promise<void> {
    const { end } = this.plan
    if (end === 'abort') this.#controller.abort(this.#reason)
    else if (end === 'break') await this.#watch.return!()
    else if (end === 'dispose') await this.#watch[Symbol.asyncDispose]()
    else await this.#watch.close()
  }

  /** Judges what it has told since the last time. */
  settle(): void {
    for (const told of this.#told.splice(0)) {
      if (this.#first !== undefined) this.#settleFirst(told)
      else this.#report(this.#judge.judge(told), told.at)
    }
  }

  /** The wait for the first list is a call, and is judged as one. */
  #settleFirst(told: Told): void {
    const { event, at } = told
    this.#first!.push(told)
    if (!['resolved', 'failed', 'aborted'].includes(event.type)) return
    const before = this.#first!
    this.#first = undefined
    if (event.type === 'resolved') this.#judge.judge(told)
    const closed = event.type === 'failed' && Reflect.get(event.error, 'code') === 'CLOSED'
    if (closed) return this.#report(this.#endedAt === undefined ? 'it was closed by nobody' : undefined, at)
    const { plan } = this
    const problems = judgeCall(
      {
        plan: { ...plan, abort: undefined },
        startedAt: this.startedAt,
        endedAt: at,
        abortedAt: event.type === 'aborted' ? this.#endedAt : undefined,
        reason: this.#reason,
        told: before,
        outcome:
          event.type === 'resolved'
            ? { result: event satisfies ResolvedAddresses }
            : { error: event.type === 'failed' ? event.error : event.type === 'aborted' && event.reason },
      },
      this.#evidence,
    )
    for (const problem of problems) this.#violate(problem, at)
  }

  #listen(told: Told): void {
    const { event, at } = told
    this.#journal.note(this.who, event.type, event)
    if (this.#closed) this.#violate('it tells something after its end')
    this.#closed = event.type === 'closed'
    this.#told.push(told)
    if (event.type !== 'resolved' && event.type !== 'changed') return
    this.#lists = [...this.#lists.slice(-50), { at, list: event }]
    this.#count++
  }

  async #read(): Promise<void> {
    for (;;) {
      const count = this.#count
      let result
      try {
        result = await this.#watch.next()
      } catch (error) {
        this.#failure = { error }
        break
      }
      if (result.done === true) break
      this.changes++
      this.#report(this.#judgeGiven(result.value, count))
      if (this.plan.readMs > 0) {
        await sleep(this.#dice.upTo(this.plan.readMs), undefined, { signal: this.#over.signal }).catch(() => {})
      }
    }
    const endedAt = this.#endedAt
    const failed = this.#told.findLast(({ event }) => event.type === 'failed')?.event as { error?: Error } | undefined
    const expected = endedAt === undefined ? failed?.error : this.plan.end === 'abort' ? this.#reason : undefined
    const error = this.#failure?.error
    if (error !== expected) this.#violate(`its reader got ${String(error)}, and not ${String(expected)}`)
    if (endedAt === undefined && error === undefined) this.#violate('it ended by itself, without an error')
  }

  /** What is wrong with what the reader is given, when so many lists had been told as it asked. */
  #judgeGiven(change: AddressChange, count: number): string | undefined {
    const before = this.#given?.addresses ?? []
    this.#given = change
    const { addresses, added, removed, revision } = change
    const sum = [...before.filter((address) => !removed.includes(address)), ...added].toSorted()
    if (sum.join() !== addresses.join() || added.some((address) => before.includes(address))) {
      return `the reader had ${before.join()}, and got + ${added.join()} - ${removed.join()} = ${addresses.join()}`
    }
    const since = this.#lists.slice(Math.max(0, this.#lists.length - 1 - (this.#count - count)))
    const known = since.some(({ list }) => list.revision === revision && list.addresses.join() === addresses.join())
    return malformed(change) ?? (known ? undefined : `invariant 10: the reader got an old list: ${addresses.join()}`)
  }

  #report(problem: string | undefined, at?: number): void {
    if (problem !== undefined) this.#violate(problem, at)
  }

  #violate(problem: string, at?: number): void {
    this.#journal.violate(this.who, problem, at)
  }
}
