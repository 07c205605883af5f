import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import type { KeyPair } from './certificates.ts'
import { TemporaryError } from './etcd-gateway.ts'
import type { KubeApiserverFiles } from './kube-apiserver-files.ts'

export interface KubeAnswer<Body> {
  readonly status: number
  readonly body: Body
}

/** The part of an EndpointSlice that tests read and write. */
export interface EndpointSlice {
  readonly addressType?: 'IPv4' | 'IPv6'
  readonly endpoints:
    readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready: boolean } }[] | null
  readonly ports: readonly { readonly name: string; readonly port: number }[]
}

const slicesPath = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
const serviceLabel = 'kubernetes.io/service-name'

/** Sends requests with the rights of the administrator, each on a new connection. */
export class KubeAdmin {
  readonly #endpoint: string
  readonly #files: KubeApiserverFiles

  constructor(endpoint: string, files: KubeApiserverFiles) {
    this.#endpoint = endpoint
    this.#files = files
  }

  /** The certificates of the administrator's connections. */
  get tls(): KeyPair & { readonly ca: string } {
    return { ca: this.#files.serverAuthority.cert, ...this.#files.admin }
  }

  /** Resolves with the answer, also with one that refuses; rejects with a {@link TemporaryError} if there is none. */
  async send<Body>(method: string, path: string, body?: object, timeoutMs = 10_000): Promise<KubeAnswer<Body>> {
    const content = body && JSON.stringify(body)
    const request = https.request(`${this.#endpoint}${path}`, {
      method,
      agent: false,
      ...this.tls,
      headers: {
        'content-type': 'application/json',
        // Node adds it itself, except for DELETE.
        ...(content && { 'content-length': Buffer.byteLength(content) }),
      },
      signal: AbortSignal.timeout(timeoutMs),
    })
    request.end(content)
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      const received = await text(response)
      const isJson = response.headers['content-type']?.includes('json')
      return { status: response.statusCode ?? 0, body: (isJson ? JSON.parse(received) : received) as Body }
    } catch (error) {
      throw new TemporaryError(`${this.#endpoint} does not answer`, { cause: error })
    }
  }

  /** Creates an object. Nothing happens if it exists. */
  async create(path: string, object: object): Promise<void> {
    const { status, body } = await this.send('POST', path, object)
    if (status >= 300 && status !== 409) throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`)
  }

  /** Resolves with the addresses of the Service `kubernetes`, as "host:port", in the order of the answer. */
  async addresses(): Promise<string[]> {
    const path = `${slicesPath}?labelSelector=${serviceLabel}=kubernetes`
    const { status, body } = await this.send<{ items: readonly EndpointSlice[] }>('GET', path)
    if (status !== 200) throw new TemporaryError(`GET ${path}: ${status}`)
    return body.items.flatMap(({ endpoints, ports }) =>
      (endpoints ?? []).flatMap(({ addresses }) => addresses.map((host) => `${host}:${ports[0]?.port}`)),
    )
  }

  /** Writes an EndpointSlice of the Service `kubernetes`. Resolves with its version. */
  async putSlice(name: string, { addressType = 'IPv4', ...slice }: EndpointSlice): Promise<string> {
    const metadata = { name, labels: { [serviceLabel]: 'kubernetes' } }
    const object = { metadata, addressType, ...slice }
    await this.create(slicesPath, object)
    const { status, body } = await this.send<{ metadata: { resourceVersion: string } }>(
      'PUT',
      `${slicesPath}/${name}`,
      object,
    )
    if (status !== 200) throw new Error(`PUT ${name}: ${status} ${JSON.stringify(body)}`)
    return body.metadata.resourceVersion
  }

  async deleteSlice(name: string): Promise<void> {
    await this.send('DELETE', `${slicesPath}/${name}`)
  }

  /** Creates the ServiceAccount, and resolves with a token for it. */
  async createToken(serviceAccount: string, namespace = 'default'): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`
    await this.create(path, { metadata: { name: serviceAccount } })
    const { status, body } = await this.send<{ status: { token: string } }>('POST', `${path}/${serviceAccount}/token`, {
      spec: { expirationSeconds: 3600 },
    })
    if (status !== 201) throw new Error(`no token for ${serviceAccount}: ${status} ${JSON.stringify(body)}`)
    return body.status.token
  }

  /** Creates the Role that this package needs, and a RoleBinding for the ServiceAccount. */
  async allowEndpointSlices(serviceAccount: string): Promise<void> {
    const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
    await this.create(`${path}/roles`, {
      metadata: { name: 'apiserver-addresses' },
      rules: [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] }],
    })
    await this.create(`${path}/rolebindings`, {
      metadata: { name: `apiserver-addresses-${serviceAccount}` },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: 'default' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'apiserver-addresses' },
    })
  }
}
