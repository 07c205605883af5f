import type { EventEmitter } from 'node:events'
import { eventTypes } from '../call/describe.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../events.ts'
import { printable } from '../util/text.ts'
import { formatDuration } from './duration.ts'
import { EventLines } from './event-lines.ts'
import { LiveLine } from './live-line.ts'

/** The part of a terminal's stream that is used here. */
export interface TerminalStream {
  write(text: string): unknown
  readonly columns?: number | undefined
}

const tickMs = 200
const eraseLine = '\r\x1b[K'

/**
 * Shows the progress of a call or a watch: a line that stays for each event that is new, with the time since the start,
 * and below them, while something is waited for, one live line.
 */
export class Terminal {
  readonly #events: EventEmitter
  readonly #stream: TerminalStream
  readonly #now: () => number
  readonly #startedAt: number
  readonly #eventLines = new EventLines()
  readonly #timer: NodeJS.Timeout
  #liveLine: LiveLine | undefined = new LiveLine()
  #isLiveLineShown = false

  /** Shows the events until it is closed. */
  constructor(events: EventEmitter<ApiserverAddressEvents>, stream: TerminalStream, now: () => number) {
    this.#events = events
    this.#stream = stream
    this.#now = now
    this.#startedAt = now()
    for (const type of eventTypes) this.#events.on(type, this.#show)
    this.#timer = setInterval(() => this.#draw([]), tickMs).unref()
  }

  /** Erases the live line until the next tick, so that something else can be printed. */
  clear(): void {
    if (this.#isLiveLineShown) this.#stream.write(eraseLine)
    this.#isLiveLineShown = false
  }

  /** Adds a line that stays. */
  print(text: string): void {
    this.#draw([text])
  }

  close(): void {
    clearInterval(this.#timer)
    for (const type of eventTypes) this.#events.off(type, this.#show)
    this.clear()
    this.#liveLine = undefined
  }

  readonly #show = (event: ApiserverAddressEvent): void => {
    this.#liveLine?.update(event, this.#now())
    this.#draw(this.#eventLines.of(event))
  }

  /** Draws the live line again, below the lines that are new. */
  #draw(newLines: readonly string[]): void {
    const now = this.#now()
    const time = `${formatDuration(now - this.#startedAt).padStart(8)}  `
    // A full last column would wrap on some terminals, and a line that has wrapped cannot be erased.
    const width = (this.#stream.columns || 80) - 1
    const live = this.#liveLine?.text(now, width - time.length)
    const erase = this.#isLiveLineShown || live !== undefined ? eraseLine : ''
    const above = newLines.map((line) => `${time}${printable(line)}\n`).join('')
    const below = live === undefined ? '' : (time + live).slice(0, width)
    if (erase + above !== '') this.#stream.write(erase + above + below)
    this.#isLiveLineShown = live !== undefined
  }
}
