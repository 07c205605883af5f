import { setTimeout as sleep } from 'node:timers/promises'
import type { Certificates } from './certificates.ts'
import type { Faults, Targets } from './targets.ts'

type Kinds = 'renew client certificate' | 'renew server certificates' | 'renew authority' | 'future server certificate'

/** Returns the faults of certificates. */
export function certificateFaults(targets: Targets<unknown>, certificates: Certificates): Faults<Kinds> {
  return {
    'renew client certificate': () => certificates.renewClient().then(() => true),
    'renew server certificates': () => certificates.renewServers().then(() => true),
    'renew authority': () => certificates.renewAuthority().then(() => true),

    'future server certificate': async (fault) => {
      const futureMs = 5000 + 15_000 * fault.severity
      await certificates.issueFutureServer(fault.target, futureMs)
      // etcd shows its certificate to new connections only.
      await targets.withProxy(fault, async (proxy) => proxy.reset())
      // Nothing ends this fault early: calls and watches have to recover because time passes.
      await sleep(futureMs)
      return true
    },
  }
}
