import { EventEmitter, on } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogLine } from './resolver.ts'
import type { Screen } from './screen.ts'

/** The time between two steps, so that people can read along. */
const pauseMs = 900

/** With RKE2's election timeout, etcd takes up to 6 s to elect a leader. */
const stepTimeoutMs = 12_000

/** How far the server has booted when the command gives this reason. It never goes back. */
const progress: Readonly<Record<string, number>> = {
  'tls-files-missing': 1,
  unreachable: 2,
  timeout: 3,
  'no-leader': 3,
  unavailable: 3,
  'not-set': 4,
  incomplete: 5,
  resolved: 6,
}

/** Runs the steps of the demo one after the other, and checks what the command reports about each. */
export class Steps {
  readonly #screen: Screen
  readonly #abort: AbortController
  readonly #log = new EventEmitter<{ line: [LogLine] }>()
  readonly #lines: AsyncIterator<[LogLine]>
  #last: LogLine | undefined

  /** @param abort ends every wait; it is aborted if a step takes too long */
  constructor(screen: Screen, abort: AbortController) {
    this.#screen = screen
    this.#abort = abort
    this.#lines = on(this.#log, 'line', { signal: abort.signal }) as AsyncIterator<[LogLine]>
  }

  /** Adds a line of the command's log. */
  log(line: LogLine): void {
    this.#log.emit('line', line)
  }

  /** Calls `act`, and resolves when the command has reported this reason with a message that is new. */
  async run(action: string, reason: string, act: () => unknown): Promise<void> {
    if (this.#last !== undefined) await sleep(pauseMs, undefined, { signal: this.#abort.signal })
    const since = performance.now()
    this.#screen.server(action)
    await act()
    const timer = setTimeout(() => {
      this.#abort.abort(new Error(`the command did not report "${reason}" within ${stepTimeoutMs / 1000} s`))
    }, stepTimeoutMs).unref()
    let reported = false
    while (!reported) reported = await this.#next(reason, since)
    clearTimeout(timer)
  }

  /** Reads a line of the log, and shows it if it is new. Resolves with whether it is the report that the step expects. */
  async #next(reason: string, since: number): Promise<boolean> {
    const { value } = await this.#lines.next()
    const [line] = value as [LogLine]
    const previous = this.#last
    const reached = progress[line.reason] ?? -1
    if (reached < (progress[previous?.reason ?? ''] ?? 0)) {
      throw new Error(`the command reported "${line.reason}", which is wrong at this point: ${line.message}`)
    }
    const isNewReason = line.reason !== previous?.reason
    const isExpected = line.reason === reason && (isNewReason || line.message !== previous?.message)
    if (isExpected || isNewReason) this.#screen.resolver(line, since)
    this.#last = line
    return isExpected
  }
}
