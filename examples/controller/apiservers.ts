import { ApiException, CoreV1Api, createConfiguration, KubeConfig, ServerConfiguration } from '@kubernetes/client-node'
import type { AddressList } from 'rke2-apiserver-resolver'

/** A request without an answer after this time is sent to the next apiserver. */
const requestTimeoutMs = 3000

/** Returns a KubeConfig with one context for each apiserver, the first one being current, and the CA and user of `base`. */
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

/** Sends requests to the apiservers of the latest list. If one does not answer, the request goes to the next one. */
export class Apiservers {
  readonly #base: KubeConfig
  readonly #onFailover: (from: string, error: unknown) => void
  #config: KubeConfig | undefined

  constructor(base: KubeConfig, onFailover: (from: string, error: unknown) => void) {
    this.#base = base
    this.#onFailover = onFailover
  }

  /** The addresses that are used, those that are dead last. */
  get addresses(): readonly string[] {
    return this.#config?.getContexts().map(({ name }) => name) ?? []
  }

  /** Uses a new list. The current apiserver stays current if it is in the list and not dead. */
  use(list: AddressList): void {
    const current = this.#config?.getCurrentContext()
    const dead = new Set(list.probes?.filter(({ state }) => state === 'dead').map(({ address }) => address))
    this.#config = kubeConfigFor(list, this.#base)
    if (current !== undefined && list.addresses.includes(current) && !dead.has(current)) {
      this.#config.setCurrentContext(current)
    }
  }

  /** Sends a request to one apiserver after the other until one answers. The request must be safe to send twice. */
  async request<T>(send: (api: CoreV1Api) => Promise<T>): Promise<T> {
    const config = this.#config
    if (config === undefined) throw new Error('there is no list of apiservers yet')
    const first = config.getCurrentContext()
    let failure: unknown
    for (const context of new Set([first, ...this.addresses])) {
      config.setCurrentContext(context)
      try {
        return await send(apiOf(config))
      } catch (error) {
        // 429 and 5xx come from an apiserver that starts, stops or is overloaded. Other statuses are the answer.
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
