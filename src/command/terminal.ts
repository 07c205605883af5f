import type { EventEmitter } from 'node:events'
import type { ProbedAddress } from '../addresses/addresses.ts'
import type { Reason } from '../errors.ts'
import type { ApiserverAddressEvents } from '../events.ts'
import { reasons } from '../sources/reasons.ts'
import { printable } from '../util/text.ts'
import { formatDuration } from './duration.ts'

/** The part of a terminal's stream that is used here. */
export interface TerminalStream {
  write(text: string): unknown
  readonly columns?: number | undefined
}

/** What {@link showOnTerminal} shows, until it is closed. */
export interface Display {
  /** Takes the live line away until the next tick, so that something else can be printed. */
  clear(): void
  /** Adds a line that stays. */
  print(text: string): void
  close(): void
}

const tickMs = 200
const eraseLine = '\r\x1b[K'

/**
 * Tells the waiting on a terminal: one line that stays for everything that changed, with the time since the start, and
 * below them one live line while there is something to wait for.
 */
export function showOnTerminal(
  events: EventEmitter<ApiserverAddressEvents>,
  stream: TerminalStream,
  now: () => number,
): Display {
  const startedAt = now()
  let live:
    | {
        description?: string
        missing?: readonly string[] | undefined
        attempt: number
        watching?: boolean
        nextAt?: number | undefined
        endAt?: number | undefined
      }
    | undefined
  let waiting = true
  let shown = ''

  const line = (text: string) => `${formatDuration(now() - startedAt).padStart(8)}  ${text}`
  const draw = () => {
    if (live === undefined) return
    const { description, missing, attempt, watching, nextAt, endAt } = live
    const left = (at: number) => formatDuration(Math.max(0, at - now()))
    const parts = [`attempt ${attempt}${nextAt === undefined ? ' under way' : ''}`]
    if (missing !== undefined) parts.unshift(`missing ${printable(missing.join(' '))}`)
    if (nextAt !== undefined) parts.push(watching ? 'watching the key' : `next within ${left(nextAt)}`)
    if (endAt !== undefined) parts.push(`${left(endAt)} left`)
    // A full last column would wrap on some terminals, and a wrapped line cannot be erased.
    const width = (stream.columns || 80) - 1
    const start = line(description === undefined ? 'reading the key' : `still waiting for ${description}`).slice(
      0,
      width,
    )
    const add = (text: string, part: string) => (text.length + part.length + 2 > width ? text : `${text}, ${part}`)
    stream.write(eraseLine + parts.reduce(add, start))
  }
  const clear = () => {
    if (live !== undefined) stream.write(eraseLine)
  }
  const print = (text: string) => {
    clear()
    stream.write(`${line(printable(text))}\n`)
    draw()
  }
  const finish = (text: string) => {
    clear()
    live = undefined
    print(text)
  }
  const wait = (change: Partial<NonNullable<typeof live>>) => {
    // A watch that stands reads the key now and then too.
    if (!waiting) return
    live = { attempt: 1, ...live, ...change }
    draw()
  }
  const tell = (reason: Reason, message: string) => {
    const { description, retryForMs } = reasons[reason]
    shown = message
    print(`${retryForMs === 0 ? '' : `waiting for ${description}: `}${message}`)
  }

  let known: readonly ProbedAddress[] = []
  const tellDead = (probes: readonly ProbedAddress[] = []) => {
    const state = (of: readonly ProbedAddress[], address: string) =>
      of.find((probe) => probe.address === address)?.state
    for (const { address, cause } of probes.filter((probe) => probe.state === 'dead')) {
      if (state(known, address) !== 'dead') print(`${address} is dead: ${cause}`)
    }
    for (const { address } of known) {
      if (state(known, address) === 'dead' && state(probes, address) === 'alive') print(`${address} is alive again`)
    }
    if (known.length === 0 && probes.some((probe) => probe.state === 'alive' && probe.verified === false)) {
      print('the certificates of the apiservers are not checked: the CA cannot be read')
    }
    known = probes
  }

  const listeners: { [Type in keyof ApiserverAddressEvents]?: (...event: ApiserverAddressEvents[Type]) => void } = {
    attempt: ({ attempt }) => wait({ attempt, nextAt: undefined }),
    phase({ reason, message, hint, missing }) {
      waiting = true
      live = { attempt: 1, ...live, description: reasons[reason].description, missing }
      tell(reason, message)
      if (hint !== undefined) print(hint)
    },
    retry({ reason, delayMs, watching, remainingMs, error: { message }, missing }) {
      // The list has grown, or was blanked: that is news within the same phase.
      if ((reason === 'not-set' || reason === 'incomplete') && message !== shown) tell(reason, message)
      wait({
        missing,
        watching,
        nextAt: now() + delayMs,
        endAt: remainingMs === null ? undefined : now() + remainingMs,
      })
    },
    resolved({ addresses, attempts, probes }) {
      waiting = false
      finish(`found ${count(addresses.length, 'apiserver')} in ${count(attempts, 'attempt')}`)
      tellDead(probes)
    },
    failed: ({ error }) => finish(error.message),
    aborted: ({ reason }) =>
      finish(`stopped by ${String(reason)}${live?.description ? ` while waiting for ${live.description}` : ''}`),
    // Why is told by the phase that follows.
    disconnected: () => print('lost etcd, the last list stays'),
    connected() {
      if (waiting) finish('following etcd again')
      waiting = false
    },
    resynced: () => print("etcd's history was replaced, by a restored snapshot it seems: following the new one"),
    changed({ addresses, added, removed, probes }) {
      const changes = [...added.map((address) => `+${address}`), ...removed.map((address) => `-${address}`)]
      if (changes.length > 0) print(`${count(addresses.length, 'apiserver')}: ${changes.join(' ')}`)
      tellDead(probes)
    },
    held: ({ missing, untilMs }) =>
      print(`${missing.join(' ')} gone, dropped in ${formatDuration(untilMs)} unless back by then`),
    ignored: ({ reason }) => print(`the key was written without a usable list (${reason}), the last list stays`),
  }
  for (const [type, listener] of Object.entries(listeners)) (events as EventEmitter).on(type, listener)
  const timer = setInterval(draw, tickMs).unref()

  return {
    clear,
    print,
    close() {
      clearInterval(timer)
      for (const [type, listener] of Object.entries(listeners)) (events as EventEmitter).off(type, listener)
      clear()
      live = undefined
    },
  }
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
