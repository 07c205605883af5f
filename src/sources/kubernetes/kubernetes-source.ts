import type { Endpoint } from '../../addresses/endpoint.ts'
import { kubernetesService } from '../../rke2.ts'
import type { Clock } from '../../util/clock.ts'
import { sourceDefaults } from '../defaults.ts'
import type { EndpointReaderOptions } from '../endpoint-options.ts'
import { EndpointReader } from '../endpoint-reader.ts'
import type { Failure } from '../failure.ts'
import { createLateFailure } from '../late.ts'
import { loadPart } from '../load-part.ts'
import { agentNodeHint } from '../node-hints.ts'
import type { KubernetesSetup } from '../setup.ts'
import type { Source } from '../source.ts'
import type { SharedState } from './kubernetes-connection.ts'
import { serverEndpoints } from './server-endpoints.ts'

const lateFailure = createLateFailure('the apiserver', 'it may be frozen, or its etcd without a quorum')

/** The options of a call that concern Kubernetes. */
export type KubernetesSourceOptions = EndpointReaderOptions & KubernetesSetup

/** Reads and watches the EndpointSlices of the Service `default/kubernetes`, which the key in etcd is made from. */
export class KubernetesSource extends EndpointReader implements Source {
  readonly kind = 'kubernetes'
  readonly subject: string = kubernetesService
  readonly serverCaFiles: readonly string[]
  readonly shrinkDelayMs: number = sourceDefaults.kubernetes.shrinkDelayMs
  readonly longestDelayMs: number = Infinity
  readonly #options: KubernetesSourceOptions

  constructor(options: KubernetesSourceOptions, clock: Clock) {
    let state: SharedState | undefined
    const { tokenFile, attemptTimeoutMs, usesNodeEndpoints } = options
    super(options, clock, {
      connect: async (endpoint, certificates) => {
        const { connect, SharedState } = await loadPart(() => import('./kubernetes-connection.ts'))
        state ??= new SharedState()
        // A spare endpoint is another server of the cluster.
        const isOfNode = usesNodeEndpoints && options.endpoints.includes(endpoint)
        return connect({ endpoint, isOfNode, certificates, tokenFile, state, clock, attemptTimeoutMs, lateFailure })
      },
      lateFailure,
      // One server may refuse what another accepts, as in the first seconds of its start.
      isClusterWide: () => false,
      ...(options.readsServers && {
        spareEndpoints: (signal: AbortSignal): Promise<readonly Endpoint[]> =>
          serverEndpoints(state?.servers, options, signal),
      }),
    })
    this.#options = options
    this.serverCaFiles = [options.tls.caFile]
  }

  hint({ reason }: Failure): Promise<string | undefined> | undefined {
    return reason === 'tls-files-missing' && this.#options.usesNodeFiles ? agentNodeHint(this.#options) : undefined
  }
}
