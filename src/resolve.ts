import { addressList, parseAddresses, prepareToParse } from './addresses.ts'
import type { ProbedAddress, ResolvedAddresses } from './addresses.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import type { KeyWatch, Reading } from './etcd/key-watch.ts'
import { Gate } from './gate.ts'
import type { Shortfall } from './gate.ts'
import { parseOptions } from './options.ts'
import type { Config, ResolveOptions } from './options.ts'
import type { Ask } from './probe/probe.ts'
import { Prober } from './probe/prober.ts'
import { Failure } from './reasons.ts'
import { retry } from './retry.ts'
import type { Wait } from './retry.ts'
import { Session } from './session.ts'
import { Source } from './etcd/source.ts'

/**
 * Gives the addresses of the Kubernetes apiservers, as RKE2 or K3s keeps them in etcd, as soon as the list is there
 * and complete. Waits for as long as the control plane is booting, and never gives an empty list.
 *
 * @throws TypeError for options that are unknown, of the wrong type or out of range, before anything is opened
 * @throws ApiserverAddressError when `timeoutMs` has passed, `retry.maxAttempts` reads gave no list, or asking again
 * cannot help; see its `code` and `reason`
 * @throws `signal.reason` when the signal is aborted
 */
export async function resolveApiserverAddresses(options: ResolveOptions = {}): Promise<ResolvedAddresses> {
  return resolve(parseOptions(options, 'resolve'))
}

/** The call itself; time, chance, the source of the key and what answers to probes can be a test's. @internal */
export async function resolve(
  config: Config,
  clock: Clock = systemClock,
  from?: Source,
  ask?: Ask,
): Promise<ResolvedAddresses> {
  const session = new Session(config, clock)
  const source = from ?? new Source(config, clock)
  const prober = new Prober(config, clock, ask)
  let found: Found | undefined
  try {
    session.signal.throwIfAborted()
    session.startDeadline(config.timeoutMs, (last) => prober.pending(last) ?? last ?? source.pending())
    found = await firstList(session, source, prober, config, clock)
    const { attempts, elapsedMs } = session
    const { addresses, reading, probes } = found
    const result = { ...addressList(addresses, String(reading.modRevision), probes), attempts, elapsedMs }
    session.report({ type: 'resolved', ...result })
    return Object.freeze(result)
  } catch (error) {
    session.fail(error)
    throw error
  } finally {
    session.end()
    // Closing takes longer than all else that a wake does: whoever waits for the list has it first, and so have others
    // in this process who are woken by the same write.
    if (found === undefined) source.close()
    else setImmediate(() => source.close())
  }
}

/** A complete list, and the watch that has followed the key so far, if there is one. @internal */
export interface Found {
  readonly addresses: readonly string[]
  readonly reading: Reading
  readonly watch: KeyWatch | undefined
  /** With `probe`: the state of each address. */
  readonly probes: readonly ProbedAddress[] | undefined
}

/** While a watch stands, the key is read again only this seldom, in case it went silent without a word. @internal */
export const resyncMs = (clock: Clock): number => 60_000 * (1 + clock.random() / 2)

/** Waits for the first complete list: the part that {@link resolve} and the watch have in common. @internal */
export async function firstList(
  session: Session,
  source: Source,
  prober: Prober,
  config: Config,
  clock: Clock,
): Promise<Found> {
  const gate = new Gate(config)
  let reading: Reading | undefined
  let watch: KeyWatch | undefined
  let settlesInMs: number | undefined
  /** The list is complete, and too little of it alive. */
  let dead = false
  let resyncAt = 0
  let woken = false
  /** That brought nothing newer: one is a change that the read has overtaken, and more are a broken etcd's. */
  let idleWakes = 0

  /** What the watch has delivered is committed, and newer than the last reading: another read would only cost time. */
  const pushed = (): Reading | undefined => {
    const change = watch?.take().at(-1)
    return change !== undefined && change.modRevision > (reading?.revision ?? 0n) ? change : undefined
  }

  const read = (): Promise<Reading> => {
    session.countAttempt()
    resyncAt = clock.now() + resyncMs(clock)
    return source.read(session.signal)
  }

  /** While a watch stands, dead servers are asked again, and not etcd; unless attempts are counted. */
  const standing = (): Reading | undefined =>
    dead && watch !== undefined && config.retry.maxAttempts === Infinity && clock.now() < resyncAt ? reading : undefined

  const judge = (latest: Reading): readonly string[] => {
    const parsed = parseAddresses(latest.value)
    if (parsed.kind !== 'list') {
      gate.reset()
      throw new Failure(parsed.kind, `${source.endpoint}: ${parsed.message}`)
    }
    incomplete(gate.judge(parsed.addresses, latest, clock.now()))
    return parsed.addresses
  }

  const incomplete = (shortfall: Shortfall | undefined): void => {
    settlesInMs = shortfall?.settlesInMs
    if (shortfall === undefined) return
    const { message, missing } = shortfall
    throw new Failure('incomplete', `${source.endpoint}: ${message}`, { missing })
  }

  const attempt = async (): Promise<Found> => {
    const latest = pushed() ?? standing()
    if (!woken) idleWakes = 0
    else if (latest === undefined) idleWakes++
    woken = false
    dead = false
    reading = latest ?? (await read())
    let addresses = judge(reading)
    let probes: readonly ProbedAddress[] | undefined
    // Probing takes its time, in which the list may change: what counts in the end is the list as it is then.
    for (let probed = ''; prober.enabled && probed !== addresses.join(); addresses = judge(reading)) {
      probed = addresses.join()
      probes = await prober.probe(addresses, session)
      reading = pushed() ?? reading
    }
    if (probes !== undefined) {
      const shortfall = gate.judgeAlive(probes)
      dead = shortfall !== undefined
      incomplete(shortfall)
    }
    return { addresses, reading, watch, probes }
  }

  const drop = (lost: KeyWatch | undefined): void => {
    lost?.close()
    if (watch === lost) watch = undefined
  }

  const wait = async ({ reason }: Failure): Promise<Wait> => {
    if (reason !== 'not-set' && reason !== 'incomplete') {
      drop(watch)
      return { early: reason === 'timeout' ? () => source.whenConnected().then(() => 'connected' as const) : undefined }
    }
    prepareToParse()
    // Without a watch, the backoff gets there all the same.
    const current = (watch ??= await source.watch(reading?.revision ?? 0n, session.signal).catch(() => undefined))
    const changed = async (signal: AbortSignal) => {
      try {
        await current?.changed(signal)
        woken = true
        return 'key-changed' as const
      } catch (error) {
        if (!signal.aborted) drop(current)
        throw error
      }
    }
    const early = current === undefined || idleWakes > 1 ? undefined : changed
    // Whoever counts attempts wants them made; no watch tells that a server came alive; and a list that settles is
    // looked at when it has.
    const patient = early !== undefined && config.retry.maxAttempts === Infinity && !dead ? resyncMs(clock) : undefined
    const settling = reason === 'incomplete' ? settlesInMs : undefined
    return {
      watching: early !== undefined,
      early,
      delayMs: settling === undefined ? patient : Math.min(settling, patient ?? Infinity),
    }
  }

  try {
    return await retry({ attempt, wait, subject: () => source.fingerprint }, session, config, clock)
  } catch (error) {
    drop(watch)
    throw error
  }
}
