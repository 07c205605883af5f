import type { ApiserverAddressEvent } from '../events.ts'
import { awaited } from '../sources/reasons.ts'
import type { Source } from '../sources/source.ts'
import type { Clock } from '../util/clock.ts'
import { seconds } from '../util/text.ts'
import { withHint } from './describe.ts'
import type { EventOf } from './describe.ts'

/** A wait becomes a warning after this time. A normal start of a server that has run before is faster. */
const silentMs = 10_000

const code = 'RKE2_APISERVER_RESOLVER_WAITING'

const howToListen =
  'To see the progress, pass the option "logger" or "onEvent", or set NODE_DEBUG=rke2-apiserver-resolver'

/**
 * Warns once a call when it has waited for 10 s and nothing receives its events. Without this, a first run on a machine
 * that has no cluster prints nothing for 15 minutes.
 */
export class SilenceWarning {
  readonly #clock: Clock
  readonly #source: Pick<Source, 'subject'>
  readonly #isHeard: () => boolean
  /** Aborted when the wait is over; `undefined` while nothing is waited for. */
  #wait: AbortController | undefined
  #phase: EventOf<'phase'> | undefined
  #hasWarned = false

  /** @param isHeard returns whether something receives the events of the call by now */
  constructor(source: Pick<Source, 'subject'>, clock: Clock, isHeard: () => boolean) {
    this.#source = source
    this.#clock = clock
    this.#isHeard = isHeard
    this.#startWait()
  }

  note(event: ApiserverAddressEvent): void {
    if (event.type === 'phase') {
      this.#phase = event
      // In a watch that has a list, the first phase of an outage.
      if (this.#wait === undefined) this.#startWait()
    } else if (endsWait(event)) {
      this.#wait?.abort()
      this.#wait = undefined
      this.#phase = undefined
    }
  }

  #startWait(): void {
    if (this.#hasWarned) return
    const wait = (this.#wait = new AbortController())
    this.#clock.sleep(silentMs, wait.signal).then(
      () => this.#warn(),
      () => {},
    )
  }

  #warn(): void {
    if (this.#isHeard()) return
    this.#hasWarned = true
    const wait = `after ${seconds(silentMs)} still waiting for ${describeAwaited(this.#phase)}`
    process.emitWarning(`${this.#source.subject}: ${wait}. ${howToListen}`, { code })
  }
}

function describeAwaited(phase: EventOf<'phase'> | undefined): string {
  if (phase === undefined) return 'the first answer'
  return withHint(`${awaited(phase.reason, phase.source)}: ${phase.message}`, phase.hint)
}

const endsWait = ({ type }: ApiserverAddressEvent): boolean =>
  type === 'resolved' || type === 'connected' || type === 'failed' || type === 'aborted' || type === 'closed'
