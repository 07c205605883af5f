import { createAuthority } from '../../test/support/certificates.ts'
import type { KubeApiserverFiles } from '../../test/support/kube-apiserver-files.ts'
import { Mutex } from '../mutex.ts'
import type { Faults, Targets } from './targets.ts'
import type { WallClock } from './wall-clock.ts'

type Kinds = 'renew client certificate' | 'future server certificate' | 'foreign server certificate'

/** A call gives up after 10 s with a certificate of another CA. The apiservers need a moment to read the right one. */
const longestForeignMs = 5000

/** Returns the faults of the certificates of a control plane, whose apiservers all use the same files. */
export function apiserverCertificateFaults(
  targets: Targets<unknown>,
  files: KubeApiserverFiles,
  wallClock: WallClock,
): Faults<Kinds> {
  const serving = new Mutex()

  /** Runs a job with the server certificate, and then issues a valid one. Apiservers show it to new connections only. */
  async function withServing(job: () => Promise<void>): Promise<boolean> {
    if (serving.locked) return false
    await serving.run(async () => {
      await job()
      await files.writeServing(files.serverAuthority, wallClock.validity)
    })
    return true
  }

  return {
    'renew client certificate': () => files.renewKubeProxy(wallClock.validity).then(() => true),

    'future server certificate': (fault) =>
      withServing(async () => {
        await files.writeServing(files.serverAuthority, wallClock.validityFrom(5000 + 15_000 * fault.severity))
        await targets.withProxy(fault, async (proxy) => proxy.reset())
        await targets.hold(fault.durationMs)
      }),

    'foreign server certificate': (fault) =>
      withServing(async () => {
        await files.writeServing(await createAuthority('rke2-server-ca@other', wallClock.validity), wallClock.validity)
        await targets.withProxy(fault, async (proxy) => proxy.reset())
        await targets.hold(Math.min(fault.durationMs, longestForeignMs))
      }),
  }
}
