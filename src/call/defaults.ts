import type { RetryOptions, WatchOptions } from '../options.ts'

/** The options without a default, and those whose default depends on the source and the node: see sources/setup.ts. */
type WithoutDefault =
  | 'dataDir'
  | 'endpoints'
  | 'key'
  | 'tls'
  | 'tokenFile'
  | 'credentials'
  | 'attemptTimeoutMs'
  | 'shrinkDelayMs'
  | 'probe'
  | 'signal'
  | 'events'
  | 'onEvent'
  | 'logger'

/** The options of this type, all of them given. */
type Complete<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> }

type Defaults = Complete<Omit<WatchOptions, WithoutDefault | 'retry'>> & { readonly retry: Complete<RetryOptions> }

/** The default of every option that has one. No other place in the code repeats these values. */
export const defaults: Defaults = Object.freeze({
  source: 'auto',
  distribution: 'auto',
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
})
