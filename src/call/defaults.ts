import type { RetryOptions, WatchOptions } from '../options.ts'
import { defaultEndpoints } from '../rke2.ts'

/** The options without a default, and those whose default depends on `distribution` and `dataDir`: see rke2.ts. */
type WithoutDefault = 'dataDir' | 'key' | 'tls' | 'credentials' | 'probe' | 'signal' | 'events' | 'logger'

/** The options of this type, all of them given. */
type Complete<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> }

type Defaults = Complete<Omit<WatchOptions, WithoutDefault | 'retry'>> & { readonly retry: Complete<RetryOptions> }

/** The default of every option that has one. No other place in the code repeats these values. */
export const defaults: Defaults = Object.freeze({
  distribution: 'rke2',
  endpoints: defaultEndpoints,
  minAddresses: 1,
  expect: Object.freeze([]),
  settleMs: 0,
  probeTimeoutMs: 2000,
  probeIntervalMs: 10_000,
  retry: Object.freeze({
    initialDelayMs: 250,
    // With jitter, at most 45 connections in the first minute of an outage, and etcd is found within 2 s of its return.
    maxDelayMs: 1900,
    factor: 2,
    // A pause is never near 0, and the nodes of a cluster are not in step.
    jitter: 'equal',
    maxAttempts: Infinity,
  }),
  // K3s waits for an apiserver for 15 minutes as well (`DefaultAPIServerReadyTimeout`): a first start imports images.
  timeoutMs: 900_000,
  // K3s gives its own read of the key 5 s as well (`getAPIAddressFromEtcd`).
  attemptTimeoutMs: 5000,
  // The address of an apiserver that starts comes and goes. K3s waits 3 s since 1 s was too short (k3s-io/k3s#11935).
  shrinkDelayMs: 3000,
})
