import { ApiException, CoreV1Api, createConfiguration, KubeConfig, ServerConfiguration } from '@kubernetes/client-node'
import type { AddressList } from 'rke2-apiserver-resolver'

/** A request that is not answered in this time goes to the next apiserver. */
const requestTimeoutMs = 3000

/** A KubeConfig with one cluster per apiserver, the one to ask first being current; CA and user are `base`'s. */
export function kubeConfigFor({ addresses }: AddressList, base: KubeConfig): KubeConfig {
  const [cluster, user] = [base.getCurrentCluster(), base.getCurrentUser()]
  if (cluster === null || user === null) throw new Error('the kubeconfig has no current cluster or user')
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: addresses.map((address) => ({ ...cluster, name: address, server: `https://${address}` })),
    users: [user],
    contexts: addresses.map((address) => ({ name: address, cluster: address, user: user.name })),
    currentContext: addresses[0],
  })
  return config
}

/** Sends requests to the apiservers of the latest list: one that does not answer costs a moment, and no request. */
export class Apiservers {
  readonly #base: KubeConfig
  readonly #onFailover: (from: string, error: unknown) => void
  #config: KubeConfig | undefined

  constructor(base: KubeConfig, onFailover: (from: string, error: unknown) => void) {
    this.#base = base
    this.#onFailover = onFailover
  }

  /** Stays with the apiserver in use, as long as it is in the list and not last because it is dead. */
  use(list: AddressList): void {
    const current = this.#config?.getCurrentContext()
    const dead = new Set(list.probes?.filter(({ state }) => state === 'dead').map(({ address }) => address))
    this.#config = kubeConfigFor(list, this.#base)
    if (current !== undefined && list.addresses.includes(current) && !dead.has(current)) {
      this.#config.setCurrentContext(current)
    }
  }

  /** Asks one apiserver after the other until one answers; only for requests that may be made twice. */
  async request<T>(ask: (api: CoreV1Api) => Promise<T>): Promise<T> {
    const config = this.#config
    if (config === undefined) throw new Error('there is no list of apiservers yet')
    const first = config.getCurrentContext()
    const others = config.getContexts().map(({ name }) => name)
    let failure: unknown
    for (const context of new Set([first, ...others])) {
      config.setCurrentContext(context)
      try {
        return await ask(apiOf(config))
      } catch (error) {
        // An answer is an answer, but for those of an apiserver that starts, stops or is overloaded.
        if (error instanceof ApiException && error.code < 500 && error.code !== 429) throw error
        this.#onFailover(context, error)
        failure = error
      }
    }
    throw failure
  }
}

function apiOf(config: KubeConfig): CoreV1Api {
  const server = config.getCurrentCluster()?.server ?? ''
  return new CoreV1Api(
    createConfiguration({
      baseServer: new ServerConfiguration(server, {}),
      authMethods: { default: config },
      promiseMiddleware: [
        {
          pre: async (request) => {
            request.setSignal(AbortSignal.timeout(requestTimeoutMs))
            return request
          },
          post: async (response) => response,
        },
      ],
    }),
  )
}
