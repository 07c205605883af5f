import type { ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, open, readFile, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderPrefix } from '../../support/kube-apiserver-program.ts'
import { network } from './host.ts'
import type { Host, Hosts } from './host.ts'
import { namespacePath, Namespaces } from './namespaces.ts'
import { end, output, start } from './program.ts'

/** The pause before K3s is started again. */
const restartDelayMs = 1000
/** Folders that all nodes would share. Each node gets an empty one in their place. */
const privateFolders = ['/run', '/etc/rancher', '/var/lib/kubelet']

/** Creates network namespaces, in which a program of this machine is K3s. */
export async function createNamespaceHosts(names: readonly string[], binary: string): Promise<Hosts> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), folderPrefix))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  for (const path of privateFolders) {
    // The first folder that did not exist, if any.
    const created = await mkdir(path, { recursive: true })
    if (created !== undefined) stack.defer(() => rmdir(path).catch(() => {}))
  }
  const namespaces = stack.use(new Namespaces())
  await namespaces.createBridge()
  const list: Host[] = []
  for (const [index, name] of names.entries()) {
    const address = `${network}.${11 + index}`
    const namespace = await namespaces.add(name, address)
    const host = new NamespaceHost({ name, address, namespace, binary, folder: join(folder, name) })
    stack.defer(() => host.kill())
    await mkdir(host.dataDir, { recursive: true })
    list.push(host)
  }
  const owned = stack.move()
  return { list, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

interface NamespaceHostContext {
  readonly name: string
  readonly address: string
  readonly namespace: string
  readonly binary: string
  readonly folder: string
}

class NamespaceHost implements Host {
  readonly name: string
  readonly address: string
  readonly dataDir: string
  readonly #context: NamespaceHostContext
  readonly #logFile: string
  #child: ChildProcess | undefined
  #restart: NodeJS.Timeout | undefined
  #wanted = false

  constructor(context: NamespaceHostContext) {
    this.#context = context
    this.name = context.name
    this.address = context.address
    this.dataDir = join(context.folder, 'data')
    this.#logFile = join(context.folder, 'k3s.log')
  }

  async start(args: readonly string[]): Promise<void> {
    this.#wanted = true
    const log = await open(this.#logFile, 'a')
    this.#child = start(this.#commandLine(args), ['ignore', log.fd, log.fd])
    this.#child.once('close', () => {
      if (this.#wanted) this.#restart = setTimeout(() => void this.start(args), restartDelayMs)
    })
    await log.close()
  }

  async run(args: readonly string[]): Promise<string> {
    const [file = '', ...rest] = this.#commandLine(args)
    return output(file, ...rest)
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  enter(commandLine: readonly string[]): string[] {
    return ['nsenter', `--net=${namespacePath(this.#context.namespace)}`, '--', ...commandLine]
  }

  async log(): Promise<string> {
    const text = await readFile(this.#logFile, 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-20).join('\n')
  }

  /** No process is between this one and K3s, which therefore gets its signals. */
  #commandLine(args: readonly string[]): string[] {
    const mounts = privateFolders.map((path) => `mount -t tmpfs tmpfs ${path}`).join(' && ')
    const { binary, name } = this.#context
    // An apiserver has the name of its host in the name of its lease.
    const shell = ['sh', '-c', `hostname ${name} && ${mounts} && exec "$0" "$@"`, binary]
    return this.enter(['unshare', '--mount', '--uts', ...shell, ...args])
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false
    clearTimeout(this.#restart)
    await end(this.#child, signal)
  }
}
