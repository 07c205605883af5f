import { addressList } from './addresses/list.ts'
import type { ResolvedAddresses } from './addresses/list.ts'
import { Call } from './call/call.ts'
import { parseOptions } from './call/config.ts'
import type { Config } from './call/config.ts'
import { pendingFailure } from './call/context.ts'
import type { CallContext } from './call/context.ts'
import { traceResolve } from './call/diagnostics.ts'
import { waitForList } from './call/wait-for-list.ts'
import type { CompleteList } from './call/wait-for-list.ts'
import type { ResolveOptions } from './options.ts'
import type { Probe } from './probe/probe.ts'
import { Prober } from './probe/prober.ts'
import type { ReadServerCa } from './probe/server-ca.ts'
import { SelectedSource } from './sources/selected-source.ts'
import type { Source } from './sources/source.ts'
import { systemClock } from './util/clock.ts'
import type { Clock } from './util/clock.ts'

/**
 * Resolves with the addresses of the Kubernetes apiservers when their list is complete.
 *
 * It waits as long as the control plane needs to start, and never resolves with an empty list.
 *
 * @throws TypeError for options that are unknown, of the wrong type or out of range, before anything is opened
 * @throws ApiserverAddressError when `timeoutMs` is over, when `retry.maxAttempts` reads gave no list, or when retrying
 * cannot help; see its `code` and `reason`
 * @throws `signal.reason` when the signal is aborted
 */
export async function resolveApiserverAddresses(options: ResolveOptions = {}): Promise<ResolvedAddresses> {
  return resolve(parseOptions(options, 'resolve'))
}

/** Runs the call. A test gives its own clock, source and probe. @internal */
export async function resolve(
  config: Config,
  clock: Clock = systemClock,
  source: Source = new SelectedSource(config, clock),
  probe?: Probe,
  readServerCa?: ReadServerCa,
): Promise<ResolvedAddresses> {
  const call = new Call(config, clock, source)
  const prober = new Prober(config, source, clock, probe, readServerCa)
  return traceResolve(call.number, () => run({ call, source, prober, config, clock }))
}

async function run(context: CallContext): Promise<ResolvedAddresses> {
  const { call, source, config } = context
  let list: CompleteList | undefined
  try {
    call.startDeadline(config.timeoutMs, (last) => pendingFailure(context, last))
    list = await waitForList(context)
    const { attempts, elapsedMs } = call
    const { addresses, snapshot, probes } = list
    const result = { ...addressList(addresses, list.source, String(snapshot.modRevision), probes), attempts, elapsedMs }
    call.emit({ type: 'resolved', ...result })
    return Object.freeze(result)
  } catch (error) {
    call.fail(error)
    throw error
  } finally {
    call.end()
    // Closing takes longer than the rest of a wake-up: the caller, and other calls that the same write wakes, come first.
    if (list === undefined) source.close()
    else setImmediate(() => source.close())
  }
}
