import type { AddressList, ApiserverAddressEvent } from '../../src/index.ts'
import type { History, KeyState } from '../model/history.ts'
import type { ValidationContext } from './context.ts'
import { validateAddition, validateLastRead, validateRemoval } from './delays.ts'
import { validateList } from './list.ts'

type ChangedEvent = Extract<ApiserverAddressEvent, { type: 'changed' }>

/** Validates the lists that a watch emits, in their order. */
export class ChangeValidator {
  readonly #context: ValidationContext
  readonly #history: History
  readonly #startedAt: number
  readonly #shrinkDelayMs: number
  #addresses: readonly string[] = []
  #revision = 0
  /** The index of the state that was emitted last. */
  #index = 0
  #resynced = false
  #readAt = -Infinity
  /** The longest time from the sending of a write until its new server was emitted, while no fault was active. */
  slowestPushMs = 0

  constructor(context: ValidationContext, startedAt: number, shrinkDelayMs: number) {
    this.#context = context
    this.#history = context.history
    this.#startedAt = startedAt
    this.#shrinkDelayMs = shrinkDelayMs
  }

  /** The list that was emitted last. */
  get addresses(): readonly string[] {
    return this.#addresses
  }

  /** Takes the first list. */
  start({ addresses, revision }: AddressList, at: number): void {
    const { states } = this.#history
    const indices = this.#history.indicesOf(Number(revision), this.#startedAt, at)
    this.#accept(
      addresses,
      Number(revision),
      indices.find((index) => states[index]!.addresses.join() === addresses.join()) ?? 0,
    )
  }

  /** Notes that the watch has begun to read the list. */
  read(at: number): void {
    this.#readAt = at
  }

  /** Lets the next list have an older revision. */
  resync(): void {
    this.#resynced = true
  }

  /** Returns a problem if no list had this revision, or if a newer list was emitted before. */
  validateConnected(revision: number, at: number): string | undefined {
    const isList = ({ kind, sentAt }: KeyState, index: number) =>
      kind === 'list' && this.#history.hasRevision(index, revision) && sentAt <= at
    if (!this.#history.states.some(isList)) return `connected at revision ${revision}, which no list had`
    return revision < this.#revision && !this.#resynced
      ? `connected at revision ${revision} after ${this.#revision}, without resynced`
      : undefined
  }

  validate(event: ChangedEvent, at: number, connectedAt: number | undefined): string | undefined {
    const { addresses, added, removed } = event
    const revision = Number(event.revision)
    if (!this.#isDifference(event)) {
      return `${this.#addresses.join()} + ${added.join()} - ${removed.join()} is not ${addresses.join()}`
    }
    if (revision < this.#revision && !this.#resynced) {
      return `revision ${revision} after ${this.#revision}, without resynced`
    }

    const { states } = this.#history
    const candidates = states.flatMap((state, index) =>
      index >= this.#index && this.#history.hasRevision(index, revision) && state.sentAt <= at ? [index] : [],
    )
    if (candidates.length === 0) {
      return `revision ${revision} never existed, or is older than what was emitted before`
    }
    const index = candidates.find((each) => this.#isListOf(states[each]!, event))
    if (index === undefined) {
      const stored = states[candidates[0]!]!.addresses.join()
      return `revision ${revision} is ${stored}, but ${addresses.join()} was emitted after ${this.#addresses.join()}`
    }
    const problem = this.#validateDelays(event, index, at, connectedAt)
    this.#accept(addresses, revision, index)
    return validateList(event) ?? problem
  }

  #accept(addresses: readonly string[], revision: number, index: number): void {
    this.#addresses = addresses
    this.#revision = revision
    this.#index = index
    this.#resynced = false
  }

  /** Returns whether `added` and `removed` lead from the list before to this one, and are not both empty. */
  #isDifference({ addresses, added, removed }: ChangedEvent): boolean {
    const sum = [...this.#addresses.filter((address) => !removed.includes(address)), ...added].toSorted()
    return (
      added.length + removed.length > 0 &&
      sum.join() === addresses.join() &&
      removed.every((address) => this.#addresses.includes(address))
    )
  }

  /** Returns whether the list is the one of this state, plus addresses whose removal is delayed. */
  #isListOf(state: KeyState, { addresses, added }: ChangedEvent): boolean {
    return (
      state.kind === 'list' &&
      state.addresses.every((address) => addresses.includes(address)) &&
      added.every((address) => state.addresses.includes(address)) &&
      addresses.every((address) => state.addresses.includes(address) || this.#addresses.includes(address))
    )
  }

  #validateDelays(event: ChangedEvent, index: number, at: number, connectedAt: number | undefined): string | undefined {
    const { states } = this.#history
    for (const address of event.removed) {
      // Without a delay, the watch removes an address at once. Otherwise it reads the list when the removal is due.
      const isDelayed = this.#shrinkDelayMs > 0
      const dueAt = (isDelayed ? this.#readAt : at) - this.#shrinkDelayMs
      const problem =
        validateRemoval({ states, address, index }, dueAt) ??
        (isDelayed ? validateLastRead(this.#history, address, { from: this.#readAt, to: at }) : undefined)
      if (problem !== undefined) return problem
    }
    for (const address of event.added) {
      const { tookMs, problem } = validateAddition({ states, address, index }, at, connectedAt, this.#context)
      this.slowestPushMs = Math.max(this.slowestPushMs, tookMs)
      if (problem !== undefined) return problem
    }
    return undefined
  }
}
