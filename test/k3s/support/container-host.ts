import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderPrefix, labels } from '../../support/kube-apiserver-program.ts'
import { network } from './host.ts'
import type { Host, Hosts } from './host.ts'
import { output, run } from './program.ts'

const docker = (...args: string[]): Promise<string> => run('docker', ...args)
/** The labels by which test/engine/with-etcd.sh removes what a run has left because it was killed. */
const labelArgs = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`])

/**
 * Creates containers, in which the official image is K3s. The network of a host belongs to a container of its own, which
 * only sleeps, so that it outlives K3s.
 */
export async function createContainerHosts(names: readonly string[], image: string): Promise<Hosts> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), folderPrefix))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const networkName = `k3s-test-${process.pid}`
  await docker('network', 'create', ...labelArgs, '--subnet', `${network}.0/24`, networkName)
  stack.defer(async () => void (await docker('network', 'rm', networkName)))
  const list: Host[] = []
  for (const [index, name] of names.entries()) {
    const address = `${network}.${11 + index}`
    const holder = `${networkName}-${name}`
    const place = ['--network', networkName, '--ip', address, '--entrypoint', 'sleep']
    await docker('run', '--detach', ...labelArgs, '--name', holder, ...place, image, '1000000')
    stack.defer(async () => void (await docker('rm', '--force', holder)))
    const pid = (await docker('inspect', '--format', '{{.State.Pid}}', holder)).trim()
    const host = new ContainerHost({ name, address, image, holder, pid, dataDir: join(folder, name) })
    stack.defer(() => host.remove())
    list.push(host)
  }
  const owned = stack.move()
  return { list, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

interface ContainerHostContext {
  readonly name: string
  readonly address: string
  readonly image: string
  /** The name of the container with the network, and the pid of its process. */
  readonly holder: string
  readonly pid: string
  readonly dataDir: string
}

class ContainerHost implements Host {
  readonly name: string
  readonly address: string
  readonly dataDir: string
  readonly #context: ContainerHostContext
  readonly #container: string

  constructor(context: ContainerHostContext) {
    this.#context = context
    this.name = context.name
    this.address = context.address
    this.dataDir = context.dataDir
    this.#container = `${context.holder}-k3s`
  }

  async start(args: readonly string[]): Promise<void> {
    await this.remove()
    await docker('run', '--detach', '--restart', 'always', ...this.#options, ...args)
  }

  async run(args: readonly string[]): Promise<string> {
    await this.remove()
    return output('docker', 'run', '--rm', ...this.#options, ...args)
  }

  async stop(): Promise<void> {
    await docker('stop', '-t', '60', this.#container)
  }

  async kill(): Promise<void> {
    await docker('kill', this.#container)
  }

  enter(commandLine: readonly string[]): string[] {
    return ['nsenter', `--net=/proc/${this.#context.pid}/ns/net`, '--', ...commandLine]
  }

  async log(): Promise<string> {
    return output('docker', 'logs', '--tail', '20', this.#container)
  }

  async remove(): Promise<void> {
    await docker('rm', '--force', '--volumes', this.#container).catch(() => {})
  }

  get #options(): string[] {
    const { holder, image } = this.#context
    const mounts = ['--tmpfs', '/run', '--tmpfs', '/var/run', '--volume', `${this.dataDir}:${this.dataDir}`]
    return [
      ...labelArgs,
      '--name',
      this.#container,
      '--privileged',
      '--network',
      `container:${holder}`,
      ...mounts,
      image,
    ]
  }
}
