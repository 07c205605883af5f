import type { SourceKind } from './source.ts'

/** The options whose default depends on the source. */
interface SourceDefaults {
  readonly attemptTimeoutMs: number
  readonly shrinkDelayMs: number
}

export const sourceDefaults: Readonly<Record<SourceKind, SourceDefaults>> = {
  etcd: {
    // K3s gives its own read of the key 5 s as well (`getAPIAddressFromEtcd`).
    attemptTimeoutMs: 5000,
    // The address of an apiserver that starts comes and goes. K3s waits 3 s since 1 s was too short (k3s-io/k3s#11935).
    shrinkDelayMs: 3000,
  },
  kubernetes: {
    // A consistent list takes 8 s while etcd elects a leader.
    attemptTimeoutMs: 10_000,
    // After a crash of all servers, the list shrinks for up to 13 s while each server's lease of before runs out.
    shrinkDelayMs: 30_000,
  },
}
