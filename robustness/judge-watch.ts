import type { ApiserverAddressEvent } from '../src/index.ts'
import type { Told } from './events.ts'
import type { History, State } from './history.ts'
import { slackMs } from './judge-call.ts'
import type { Evidence } from './judge-call.ts'
import { malformed } from './judge-list.ts'

type EventOf<T> = Extract<ApiserverAddressEvent, { type: T }>

/** What a watch is judged by. */
export interface WatchEvidence extends Evidence {
  /** Whether nothing was done to etcd from `start` to `end`, and long enough before. */
  readonly calm: (start: number, end: number) => boolean
}

/** While nothing is wrong, a new server is known this long after its write was sent. */
const pushMs = 1000

/** Judges what a watch tells, from its first list on and in the order in which it was told. */
export class WatchJudge {
  readonly #evidence: WatchEvidence
  readonly #history: History
  readonly #startedAt: number
  readonly #shrinkDelayMs: number
  #addresses: readonly string[] = []
  #revision = 0
  /** The state of the key that was told last. */
  #index = 0
  /** That in which an address was told to be new. */
  readonly #addedIn = new Map<string, number>()
  #connectedAt: number | undefined
  #disconnectedAt = -Infinity
  #resyncs = 0
  #resynced = false
  /** Milliseconds from the sending of a write to the new server in it, at most, while nothing was wrong. */
  slowestPushMs = 0

  constructor(evidence: WatchEvidence, startedAt: number, shrinkDelayMs: number) {
    this.#evidence = evidence
    this.#history = evidence.history
    this.#startedAt = startedAt
    this.#shrinkDelayMs = shrinkDelayMs
  }

  judge({ at, event }: Told): string | undefined {
    switch (event.type) {
      case 'resolved':
        this.#begin(event, at)
        return undefined
      case 'changed':
        return this.#change(event, at)
      case 'connected':
        if (this.#connectedAt !== undefined) return 'it is connected twice'
        this.#connectedAt = at
        return undefined
      case 'disconnected':
        if (this.#connectedAt === undefined) return 'it is disconnected, and was not connected'
        this.#connectedAt = undefined
        this.#disconnectedAt = at
        return undefined
      case 'resynced':
        this.#resynced = true
        return ++this.#resyncs > this.#restores(at) ? 'invariant 2: resynced, and the history is the same' : undefined
      case 'ignored':
        return this.#unusable(event, at)
      case 'held':
        return event.missing.every((address) => this.#addresses.includes(address)) &&
          event.untilMs <= this.#shrinkDelayMs
          ? undefined
          : `it holds back ${event.missing.join()} for ${event.untilMs} ms`
      case 'failed':
        return `it failed after its first list: ${event.error.message}`
      default:
        return undefined
    }
  }

  #begin({ addresses, revision }: EventOf<'resolved'>, at: number): void {
    const { states } = this.#history
    const found = this.#history.find(Number(revision), this.#startedAt, at)
    this.#take(
      addresses,
      Number(revision),
      found.find((index) => states[index]!.addresses.join() === addresses.join()) ?? 0,
    )
  }

  #take(addresses: readonly string[], revision: number, index: number): void {
    for (const address of addresses) if (!this.#addresses.includes(address)) this.#addedIn.set(address, index)
    this.#addresses = addresses
    this.#revision = revision
    this.#index = index
    this.#resynced = false
  }

  /** How often the history was replaced since this watch began. */
  #restores(at: number): number {
    const { states } = this.#history
    return states.filter(
      ({ epoch, since, by }, index) => epoch > (states[index - 1]?.epoch ?? 0) && by >= this.#startedAt && since <= at,
    ).length
  }

  #unusable({ reason, revision }: EventOf<'ignored'>, at: number): string | undefined {
    const possible = this.#history
      .during(this.#startedAt, at)
      .some((state) => state.kind === reason && (state.revision === Number(revision) || state.text === ''))
    return possible ? undefined : `it ignored ${reason} of revision ${revision}, which was not there`
  }

  #change(event: EventOf<'changed'>, at: number): string | undefined {
    const { addresses, added, removed } = event
    const revision = Number(event.revision)
    const sum = [...this.#addresses.filter((address) => !removed.includes(address)), ...added].toSorted()
    if (
      added.length + removed.length === 0 ||
      sum.join() !== addresses.join() ||
      !removed.every((address) => this.#addresses.includes(address))
    ) {
      return `${this.#addresses.join()} + ${added.join()} - ${removed.join()} is not ${addresses.join()}`
    }
    if (revision < this.#revision && !this.#resynced) {
      return `invariant 2: revision ${revision} after ${this.#revision}, without resynced`
    }

    const { states } = this.#history
    const candidates = states.flatMap((state, index) =>
      index >= this.#index && state.revision === revision && state.since <= at ? [index] : [],
    )
    if (candidates.length === 0) return `invariant 2: revision ${revision} is older than what was told, or never was`
    const index = candidates.find((each) => this.#fits(states[each]!, event))
    if (index === undefined) {
      return `revision ${revision} is ${states[candidates[0]!]!.addresses.join()}, and it tells ${addresses.join()} after ${this.#addresses.join()}`
    }
    const problem =
      removed.map((address) => this.#tooSoon(address, index, at)).find(Boolean) ??
      added.map((address) => this.#tooLate(address, index, at)).find(Boolean)
    this.#take(addresses, revision, index)
    return malformed(event) ?? problem
  }

  /** What is told is what is stored, and what is held back. */
  #fits(state: State, { addresses, added }: EventOf<'changed'>): boolean {
    return (
      state.kind === 'list' &&
      state.addresses.every((address) => addresses.includes(address)) &&
      added.every((address) => state.addresses.includes(address)) &&
      addresses.every((address) => state.addresses.includes(address) || this.#addresses.includes(address))
    )
  }

  /** The first of the states up to `index` that all have, or all lack, the address; unusable ones say nothing. */
  #runOf(address: string, index: number, has: boolean): number {
    const { states } = this.#history
    let first = index
    for (let each = index; each >= 0; each--) {
      const { kind, addresses } = states[each]!
      if (kind !== 'list') continue
      if (addresses.includes(address) !== has) break
      first = each
    }
    return first
  }

  /** A server is removed only when it has been gone for long enough. */
  #tooSoon(address: string, index: number, at: number): string | undefined {
    const { states } = this.#history
    const due = at - this.#shrinkDelayMs + 2
    // What happened while there was no stream need not have been seen.
    const whole = this.#connectedAt !== undefined && this.#disconnectedAt < due && this.#connectedAt < due
    const from = whole ? this.#runOf(address, index, false) : (this.#addedIn.get(address) ?? 0)
    const gone = states
      .slice(from, index + 1)
      .some(({ kind, addresses, since }) => kind === 'list' && !addresses.includes(address) && since <= due)
    return gone ? undefined : `invariant 3: ${address} is removed too soon`
  }

  /** A new server is told at once. */
  #tooLate(address: string, index: number, at: number): string | undefined {
    const { calm, lateMs } = this.#evidence
    const sentAt = this.#history.states[this.#runOf(address, index, true)]!.since
    if (this.#connectedAt === undefined || this.#connectedAt > sentAt || !calm(sentAt, at)) return undefined
    const tookMs = at - sentAt - lateMs(sentAt, at)
    this.slowestPushMs = Math.max(this.slowestPushMs, tookMs)
    return tookMs > pushMs + slackMs
      ? `invariant 4: ${address} was told ${Math.round(tookMs)} ms after its write`
      : undefined
  }
}
