import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A rule that must always hold was broken. */
export class Violation extends Error {
  static {
    this.prototype.name = 'Violation'
  }
}

interface Entry {
  readonly at: number
  /** Milliseconds since the campaign started. */
  readonly atMs: number
  readonly actor: string
  readonly text: string
}

/** The message of a violation contains the entries within this time before and after it. */
const contextMs = 15_000
/** The message contains at most this many entries of the actor, and as many of faults and writes. */
const maxContextLines = 30
/** The number of entries that are kept in memory. */
const recentEntries = 2000

/** Records everything that happens, in order: all entries in a file, the most recent ones in memory. */
export class Report implements Disposable {
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

  /** The first violation. */
  get violation(): Violation | undefined {
    return this.#violation
  }

  /**
   * Records an action.
   *
   * @param actor the name of a call, watch or member, or `fault`, `write`, `state` or `process`
   */
  record(actor: string, action: string, details?: object): void {
    const at = performance.now()
    const atMs = this.#elapsedMs(at)
    writeSync(this.#fd, `${JSON.stringify({ atMs, actor, action, ...details }, serializable)}\n`)
    const text = details === undefined ? action : `${action} ${JSON.stringify(details, serializable)}`
    this.#recent.push({ at, atMs, actor, text })
    if (this.#recent.length > 2 * recentEntries) this.#recent = this.#recent.slice(-recentEntries)
  }

  /**
   * Records a violation. The message of the first one contains what its actor, the faults and the writes did around it.
   */
  violate(actor: string, problem: string, at: number = performance.now()): void {
    this.record(actor, 'VIOLATION', { problem, at: this.#elapsedMs(at) })
    if (this.#violation !== undefined) return
    const title = `at ${seconds(this.#elapsedMs(at))}: ${actor}: ${problem}`
    this.#violation = new Violation([title, ...this.#context(actor, at), `Full report: ${this.file}`].join('\n'))
    this.#violated.reject(this.#violation)
  }

  #context(actor: string, at: number): string[] {
    const entries = this.#recent.filter((entry) => Math.abs(entry.at - at) < contextMs)
    return [
      ...entries.filter((entry) => entry.actor === actor).slice(-maxContextLines),
      ...entries.filter((entry) => ['fault', 'write', 'state'].includes(entry.actor)).slice(-maxContextLines),
    ]
      .toSorted((a, b) => a.at - b.at)
      .map((entry) => `  ${seconds(entry.atMs)} ${entry.actor}: ${entry.text}`.slice(0, 300))
  }

  #elapsedMs(at: number): number {
    return Math.round(at - this.#startedAt)
  }

  /** Removes the file, which is of no use after a campaign without a violation. */
  discard(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`

const serializable = (_key: string, value: unknown): unknown =>
  value instanceof Error ? `${value.name}: ${value.message}` : value
