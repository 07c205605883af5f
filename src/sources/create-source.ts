import type { Clock } from '../util/clock.ts'
import { sourceDefaults } from './defaults.ts'
import { EtcdSource } from './etcd/etcd-source.ts'
import { KubernetesSource } from './kubernetes/kubernetes-source.ts'
import type { SourceOptions } from './options.ts'
import type { Setup } from './setup.ts'
import type { Source } from './source.ts'

/** Creates the source of a setup. A test gives its own. */
export type CreateSource = (setup: Setup, options: SourceOptions, clock: Clock) => Source | undefined

export const createSource: CreateSource = (setup, options, clock) => {
  const { credentials, logger, attemptTimeoutMs } = options
  if (setup.kind === 'etcd') {
    return new EtcdSource(
      { ...setup, credentials, logger, attemptTimeoutMs: attemptTimeoutMs ?? sourceDefaults.etcd.attemptTimeoutMs },
      clock,
    )
  }
  if (setup.kind === undefined) return undefined
  return new KubernetesSource(
    { ...setup, logger, attemptTimeoutMs: attemptTimeoutMs ?? sourceDefaults.kubernetes.attemptTimeoutMs },
    clock,
  )
}
