import type { ApiserverAddressEvent, RetryEvent } from '../events.ts'
import { awaited } from '../sources/reasons.ts'
import { printable } from '../util/text.ts'
import { formatDuration } from './duration.ts'

/** What the live line shows. */
interface Wait {
  readonly attempt: number
  /** What the call waits for; `undefined` before the first attempt has failed. */
  readonly description?: string
  readonly missing?: readonly string[] | undefined
  readonly watching?: boolean
  /** The time of the next attempt; `undefined` while an attempt is in progress. */
  readonly nextAt?: number | undefined
  /** The time at which the call gives up; `undefined` without a deadline. */
  readonly endAt?: number | undefined
}

/** The text that shows the state of a wait. It changes with the events, and with the time. */
export class LiveLine {
  #wait: Wait | undefined
  /** Whether there is a list and, in a watch, it is followed. */
  #isFollowing = false

  update(event: ApiserverAddressEvent, now: number): void {
    switch (event.type) {
      case 'attempt':
        this.#change({ attempt: event.attempt, nextAt: undefined })
        break
      case 'phase':
        this.#isFollowing = false
        this.#change({ description: awaited(event.reason, event.source), missing: event.missing })
        break
      case 'retry':
        this.#change(afterRetry(event, now))
        break
      case 'resolved':
      case 'connected':
        this.#isFollowing = true
        this.#wait = undefined
        break
      case 'failed':
      case 'aborted':
        this.#wait = undefined
        break
      default:
    }
  }

  /** Returns the text; `undefined` when nothing is waited for. A part that does not fit is left out as a whole. */
  text(now: number, width: number): string | undefined {
    if (this.#wait === undefined) return undefined
    const { description } = this.#wait
    const start = description === undefined ? 'reading the list' : `still waiting for ${description}`
    const add = (text: string, part: string) => (text.length + part.length + 2 > width ? text : `${text}, ${part}`)
    return partsOf(this.#wait, now).reduce(add, start)
  }

  #change(change: Partial<Wait>): void {
    // An open watch reads the list now and then, too.
    if (!this.#isFollowing) this.#wait = { attempt: 1, ...this.#wait, ...change }
  }
}

const afterRetry = ({ missing, watching, delayMs, remainingMs }: RetryEvent, now: number): Partial<Wait> => ({
  missing,
  watching,
  nextAt: now + delayMs,
  endAt: remainingMs === null ? undefined : now + remainingMs,
})

/** Returns the parts of the line after its start, the most important one first. */
function partsOf({ attempt, missing, watching, nextAt, endAt }: Wait, now: number): string[] {
  const left = (at: number) => formatDuration(Math.max(0, at - now))
  const parts: string[] = []
  if (missing !== undefined) parts.push(`missing ${printable(missing.join(' '))}`)
  parts.push(`attempt ${attempt}${nextAt === undefined ? ' in progress' : ''}`)
  if (nextAt !== undefined) parts.push(watching ? 'watching the list' : `next read in ${left(nextAt)}`)
  if (endAt !== undefined) parts.push(`${left(endAt)} left`)
  return parts
}
