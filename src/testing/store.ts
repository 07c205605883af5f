import type { Reason } from '../errors.ts'
import { reasons } from '../sources/reasons.ts'
import type { Snapshot } from '../sources/source.ts'

/** What `fail()` has set. */
export interface Fault {
  readonly reason: Reason
  readonly cause: unknown
}

/** What changes for the calls when the store changes. */
export interface StoreListener {
  /** The list was written or deleted. */
  onWrite(snapshot: Snapshot): void
  /** Reads and watches fail from now on, for the reason of the fault. */
  onFail(): void
  /** Reads and watches work again. */
  onRecover(): void
}

const absent: Snapshot = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 0n }
const invalidValue = Buffer.from('"fail(\'invalid-value\')"')

/** The list in memory, with its history, which all calls of one fake share. */
export class Store {
  readonly #listeners = new Set<StoreListener>()
  /** Every write and deletion, oldest first. */
  readonly #writes: Snapshot[] = []
  #revision = 1n
  /** The value to write when a fault that is a value is over. */
  #wanted: Uint8Array | undefined
  #fault: Fault | undefined

  /** The failure of every read and every new watch; `undefined` if they work. */
  get fault(): Fault | undefined {
    return isOfValue(this.#fault?.reason) ? undefined : this.#fault
  }

  /** What a read returns now. */
  get now(): Snapshot {
    const last = this.#writes.at(-1) ?? absent
    return last.value === undefined ? { ...absent, revision: this.#revision } : { ...last, revision: this.#revision }
  }

  /** Returns the changes after a revision, oldest first. */
  writesAfter(revision: bigint): readonly Snapshot[] {
    return this.#writes.filter(({ modRevision }) => modRevision > revision)
  }

  /** Writes a list, or deletes it with `undefined`. While the fault is a value, that value stays. */
  write(addresses: readonly string[] | undefined): void {
    this.#wanted = addresses && Buffer.from(JSON.stringify(addresses))
    if (!isOfValue(this.#fault?.reason)) this.#put(this.#wanted)
  }

  fail(fault: Fault): void {
    if (this.#fault !== undefined) this.recover()
    this.#fault = fault
    if (isOfValue(fault.reason)) this.#put(fault.reason === 'not-set' ? undefined : invalidValue)
    else for (const listener of this.#listeners) listener.onFail()
  }

  recover(): void {
    const fault = this.#fault
    this.#fault = undefined
    if (isOfValue(fault?.reason)) this.#put(this.#wanted)
    for (const listener of this.#listeners) listener.onRecover()
  }

  listen(listener: StoreListener): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: StoreListener): void {
    this.#listeners.delete(listener)
  }

  #put(value: Uint8Array | undefined): void {
    const before = this.#writes.at(-1) ?? absent
    if (value === undefined && before.value === undefined) return
    this.#revision++
    const version = value === undefined ? 0n : before.version + 1n
    const createRevision = version === 1n ? this.#revision : before.createRevision
    const revisions = { modRevision: this.#revision, revision: this.#revision, version }
    const snapshot = { value, createRevision: value === undefined ? 0n : createRevision, ...revisions }
    this.#writes.push(snapshot)
    for (const listener of this.#listeners) listener.onWrite(snapshot)
  }
}

/** Returns whether a reason is what a source reads, and no failure of the source. */
const isOfValue = (reason: Reason | undefined): boolean => reason === 'not-set' || reason === 'invalid-value'

/** @throws TypeError if it is no reason, or one that no source has */
export function checkReason(reason: unknown): Reason {
  if (reason === 'incomplete') {
    throw new TypeError(`A list is 'incomplete' by the options of a call: use set() or setProbe() instead of fail()`)
  }
  if (typeof reason === 'string' && Object.hasOwn(reasons, reason)) return reason as Reason
  throw new TypeError(`fail() takes one of ${Object.keys(reasons).join(', ')}, got ${JSON.stringify(reason)}`)
}
