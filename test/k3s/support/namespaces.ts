import { existsSync } from 'node:fs'
import { network } from './host.ts'
import { run } from './program.ts'

const prefix = 'k3s-test'

/** Returns the path of a network namespace. */
export const namespacePath = (namespace: string): string => `/run/netns/${namespace}`

/** Network namespaces in one network, whose bridge has a namespace of its own: there no firewall drops its frames. */
export class Namespaces implements AsyncDisposable {
  readonly #bridge = `${prefix}-${process.pid}-bridge`
  readonly #created: string[] = []

  async createBridge(): Promise<void> {
    await this.#create(this.#bridge)
    await this.#ip(this.#bridge, 'link add br0 type bridge')
    await this.#ip(this.#bridge, `address add ${network}.1/24 dev br0`)
    await this.#ip(this.#bridge, 'link set br0 up')
  }

  /** Creates a namespace with this address. Resolves with its name. */
  async add(host: string, address: string): Promise<string> {
    const namespace = `${prefix}-${process.pid}-${host}`
    await this.#create(namespace)
    await this.#ip(this.#bridge, `link add ${host} type veth peer name eth0 netns ${namespace}`)
    await this.#ip(this.#bridge, `link set ${host} master br0 up`)
    await this.#ip(namespace, `address add ${address}/24 dev eth0`)
    await this.#ip(namespace, 'link set eth0 up')
    // K3s looks for a default route.
    await this.#ip(namespace, `route add default via ${network}.1`)
    return namespace
  }

  async #create(namespace: string): Promise<void> {
    await run('ip', 'netns', 'add', namespace)
    this.#created.push(namespace)
    await this.#ip(namespace, 'link set lo up')
  }

  async #ip(namespace: string, command: string): Promise<void> {
    await run('ip', '-n', namespace, ...command.split(' '))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const namespace of this.#created.splice(0)) await run('ip', 'netns', 'delete', namespace)
  }
}

/** Deletes the namespaces that earlier runs have left because they were killed. */
export async function sweepNamespaces(): Promise<void> {
  const names = (await run('ip', 'netns', 'list')).split('\n').map((line) => line.split(' ')[0] ?? '')
  for (const name of names) {
    const [, pid] = new RegExp(`^${prefix}-(\\d+)-`).exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await run('ip', 'netns', 'delete', name)
  }
}
