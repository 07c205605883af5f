import type { ProbedAddress } from '../addresses/list.ts'
import { describe, describeOutage, describeWait } from '../call/describe.ts'
import type { EventOf } from '../call/describe.ts'
import type { ApiserverAddressEvent } from '../events.ts'
import { awaited } from '../sources/reasons.ts'
import { describeProbeChanges } from './probe-changes.ts'

/** Chooses the lines that stay on the terminal: one for each fact that is new. */
export class EventLines {
  /** What the call waits for; `undefined` before the first phase, and after each wait. */
  #awaited: string | undefined
  /** The message of the wait that was shown last. */
  #message = ''
  #hasList = false
  #probes: readonly ProbedAddress[] = []

  /** Returns the lines for an event; none if it has nothing new, or only changes the live line. */
  of(event: ApiserverAddressEvent): readonly string[] {
    switch (event.type) {
      case 'phase':
        return this.#phase(event)
      case 'retry':
        return this.#retry(event)
      case 'resolved':
      case 'changed':
        return this.#list(event)
      case 'connected':
        return this.#connected(event)
      case 'aborted':
        return this.#aborted(event)
      case 'failed':
      case 'resynced':
      case 'held':
      case 'ignored':
        return [describe(event)]
      default:
        return []
    }
  }

  #phase({ hint, ...phase }: EventOf<'phase'>): readonly string[] {
    this.#awaited = awaited(phase.reason, phase.source)
    this.#message = phase.message
    const text = this.#hasList ? describeOutage(phase) : describe(phase)
    return hint === undefined ? [text] : [text, hint]
  }

  /** Within a phase, a list that has grown, or has been emptied, is new. */
  #retry({ reason, source, error: { message } }: EventOf<'retry'>): readonly string[] {
    if ((reason !== 'not-set' && reason !== 'incomplete') || message === this.#message) return []
    this.#message = message
    return [describeWait({ reason, source }, message)]
  }

  /** The state of the addresses has lines of its own. */
  #list({ probes = [], ...list }: EventOf<'resolved' | 'changed'>): readonly string[] {
    if (list.type === 'resolved') this.#awaited = undefined
    this.#hasList = true
    const lines = describeProbeChanges(this.#probes, probes)
    this.#probes = probes
    const isUnchanged = list.type === 'changed' && list.added.length === 0 && list.removed.length === 0
    return isUnchanged ? lines : [describe(list), ...lines]
  }

  /** The first connection of a watch follows its first list at once, and is not new. */
  #connected(event: EventOf<'connected'>): readonly string[] {
    const hasWaited = this.#awaited !== undefined
    this.#awaited = undefined
    return hasWaited ? [describe(event)] : []
  }

  #aborted(event: EventOf<'aborted'>): readonly string[] {
    return [describe(event) + (this.#awaited === undefined ? '' : `, while waiting for ${this.#awaited}`)]
  }
}
