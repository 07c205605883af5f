import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Something that must not be. */
export class Violation extends Error {
  static {
    this.prototype.name = 'Violation'
  }
}

interface Entry {
  readonly at: number
  /** Milliseconds since the campaign began. */
  readonly ms: number
  readonly who: string
  readonly what: string
}

/** Lines that are told with a violation: from this long before it, and of each kind no more than these. */
const aroundMs = 15_000
const maxLines = 30
const kept = 2000

/** Everything that happens, in the order in which it does: all of it in a file, the end of it in memory. */
export class Journal implements Disposable {
  readonly file: string
  readonly #folder: string
  readonly #startedAt = performance.now()
  readonly #fd: number
  #recent: Entry[] = []
  #violation: Violation | undefined
  readonly #violated = Promise.withResolvers<never>()

  constructor(name: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'rke2-apiserver-resolver.campaign.'))
    this.file = join(this.#folder, `${name}.jsonl`)
    this.#fd = openSync(this.file, 'a')
    this.#violated.promise.catch(() => {})
  }

  /** Rejects with the first violation. */
  get violated(): Promise<never> {
    return this.#violated.promise
  }

  get violation(): Violation | undefined {
    return this.#violation
  }

  note(who: string, what: string, details?: object): void {
    const at = performance.now()
    const ms = Math.round(at - this.#startedAt)
    writeSync(this.#fd, `${JSON.stringify({ ms, who, what, ...details }, jsonable)}\n`)
    this.#recent.push({
      at,
      ms,
      who,
      what: `${what}${details === undefined ? '' : ` ${JSON.stringify(details, jsonable)}`}`,
    })
    if (this.#recent.length > 2 * kept) this.#recent = this.#recent.slice(-kept)
  }

  /** Tells the first thing that must not be, and what was around it: its own, what was done to etcd, and what was written. */
  violate(who: string, problem: string, at: number = performance.now()): void {
    const message = `at ${seconds(at - this.#startedAt)}: ${who}: ${problem}`
    this.note(who, 'VIOLATION', { problem, at: Math.round(at - this.#startedAt) })
    if (this.#violation !== undefined) return
    const around = this.#recent.filter((entry) => Math.abs(entry.at - at) < aroundMs)
    const lines = [
      ...around.filter((entry) => entry.who === who).slice(-maxLines),
      ...around.filter((entry) => ['fault', 'write', 'state'].includes(entry.who)).slice(-maxLines),
    ]
      .toSorted((one, other) => one.at - other.at)
      .map((entry) => `  ${seconds(entry.ms)} ${entry.who}: ${entry.what}`.slice(0, 300))
    this.#violation = new Violation(`${message}\n${lines.join('\n')}\nAll of it: ${this.file}`)
    this.#violated.reject(this.#violation)
  }

  /** Nothing was found: the file is not needed any more. */
  discard(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`

const jsonable = (_key: string, value: unknown): unknown =>
  value instanceof Error ? `${value.name}: ${value.message}` : value
