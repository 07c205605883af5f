import { addressList } from './addresses/addresses.ts'
import type { ResolvedAddresses } from './addresses/addresses.ts'
import { Call } from './call/call.ts'
import { parseOptions } from './call/config.ts'
import type { Config } from './call/config.ts'
import { ListWait } from './call/wait-for-list.ts'
import type { CompleteList } from './call/wait-for-list.ts'
import type { ResolveOptions } from './options.ts'
import type { Probe } from './probe/probe.ts'
import { Prober } from './probe/prober.ts'
import { EtcdSource } from './sources/etcd/etcd-source.ts'
import { systemClock } from './util/clock.ts'
import type { Clock } from './util/clock.ts'

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
  from?: EtcdSource,
  ask?: Probe,
): Promise<ResolvedAddresses> {
  const call = new Call(config, clock)
  const source = from ?? new EtcdSource(config, clock)
  const prober = new Prober(config, clock, ask)
  let found: CompleteList | undefined
  try {
    call.startDeadline(config.timeoutMs, (last) => prober.pending(last) ?? last ?? source.pending())
    found = await new ListWait({ call, source, prober, config, clock }).find()
    const { attempts, elapsedMs } = call
    const { addresses, reading, probes } = found
    const result = { ...addressList(addresses, String(reading.modRevision), probes), attempts, elapsedMs }
    call.emit({ type: 'resolved', ...result })
    return Object.freeze(result)
  } catch (error) {
    call.fail(error)
    throw error
  } finally {
    call.end()
    // Closing takes longer than all else that a wake does: whoever waits for the list has it first, and so have others
    // in this process who are woken by the same write.
    if (found === undefined) source.close()
    else setImmediate(() => source.close())
  }
}
