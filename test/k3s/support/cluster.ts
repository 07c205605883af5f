import { onTestFailed } from 'vitest'
import type { ResolveOptions } from '../../../src/index.ts'
import type { Host, Hosts } from './host.ts'
import { createHosts } from './hosts.ts'
import { haveContainers } from './limits.ts'

const token = 'k3s-test'
const port = 6443

/** What the tests have no use for, and a machine would be busy with. */
const withoutAddons = [
  '--disable=coredns,servicelb,traefik,local-storage,metrics-server',
  '--disable-cloud-controller',
  '--disable-helm-controller',
  '--disable-network-policy',
  '--disable-scheduler',
  '--flannel-backend=none',
  '--egress-selector-mode=disabled',
]

/** How the servers of a cluster store their data. */
export type Datastore = 'etcd' | 'sqlite'

/** One node of a cluster. */
export class Node {
  readonly host: Host
  readonly #args: readonly string[]

  constructor(host: Host, role: 'server' | 'agent', args: readonly string[]) {
    this.host = host
    const common = ['--data-dir', host.dataDir, '--node-name', host.name, '--node-ip', host.address, '--token', token]
    this.#args = [role, ...common, ...args]
  }

  get name(): string {
    return this.host.name
  }

  /** The address of its apiserver in a list. */
  get address(): string {
    return `${this.host.address}:${port}`
  }

  /** The options of a call that finds out everything else from the data directory. */
  get options(): ResolveOptions {
    return { dataDir: this.host.dataDir }
  }

  /** The options of a call that reads the EndpointSlices. */
  get kubernetesOptions(): ResolveOptions {
    return { ...this.options, source: 'kubernetes' }
  }

  async start(): Promise<void> {
    await this.host.start(this.#args)
  }

  /** Runs its program once with more arguments, to its end. Resolves with the output. */
  async runOnce(...args: readonly string[]): Promise<string> {
    return this.host.run([...this.#args, ...args])
  }
}

/** Servers, the first of which creates the cluster, and agents. None of them is started yet. */
export class Cluster implements AsyncDisposable {
  readonly servers: readonly Node[]
  readonly agents: readonly Node[]
  readonly #hosts: Hosts

  private constructor(hosts: Hosts, servers: readonly Node[], agents: readonly Node[]) {
    this.#hosts = hosts
    this.servers = servers
    this.agents = agents
  }

  static async create(datastore: Datastore, serverCount: number, agentCount: number): Promise<Cluster> {
    const names = [...numbered('server', serverCount), ...numbered('agent', agentCount)]
    const hosts = await createHosts(names)
    const [first] = hosts.list
    const joining = ['--server', `https://${first!.address}:${port}`]
    const servers = hosts.list.slice(0, serverCount).map((host, index) => {
      const own = index > 0 ? joining : datastore === 'etcd' ? ['--cluster-init'] : []
      return new Node(host, 'server', [...own, ...withoutAddons, ...(haveContainers ? [] : ['--disable-agent'])])
    })
    const agents = hosts.list.slice(serverCount).map((host) => {
      // Nothing listens there. Its load balancer and its certificates are those of every agent.
      const runtime = ['--container-runtime-endpoint', `unix://${host.dataDir}/none.sock`]
      return new Node(host, 'agent', [...joining, ...(haveContainers ? [] : runtime)])
    })
    return new Cluster(hosts, servers, agents)
  }

  /** The addresses of a complete list. */
  get addresses(): string[] {
    return this.servers.map(({ address }) => address)
  }

  get nodes(): Node[] {
    return [...this.servers, ...this.agents]
  }

  /** Starts all nodes at once. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()))
  }

  /** Prints the end of the log of each node if the current test fails. */
  logOnFailure(): void {
    onTestFailed(async () => {
      for (const { name, host } of this.nodes) console.error(`--- ${name}\n${await host.log()}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hosts[Symbol.asyncDispose]()
  }
}

const numbered = (role: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${role}${index + 1}`)
