import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { GenericContainer, Wait } from 'testcontainers'
import type { ContainerRuntimeClient, StartedTestContainer } from 'testcontainers'
import { adminPort, clientPort, etcdFolder } from './etcd-config.ts'
import type { ClusterContext, ContainerFile } from './etcd-config.ts'

type Docker = ReturnType<ContainerRuntimeClient['container']['getById']>

/** The container of one member. */
export class EtcdContainer {
  readonly #name: string
  readonly #ports: { readonly client: number; readonly admin: number }
  readonly #context: ClusterContext
  #started: StartedTestContainer | undefined

  constructor(name: string, ports: { client: number; admin: number }, context: ClusterContext) {
    this.#name = name
    this.#ports = ports
    this.#context = context
  }

  get #container(): StartedTestContainer {
    if (!this.#started) throw new Error(`${this.#name} has not been started`)
    return this.#started
  }

  get #docker(): Docker {
    return this.#context.runtime.container.getById(this.#container.getId())
  }

  /** Creates the container with these files and starts etcd in it. */
  async create(files: ContainerFile[]): Promise<void> {
    const { image, labels, network } = this.#context
    this.#started = await new GenericContainer(image)
      .withEntrypoint(['etcd'])
      .withCommand(['--config-file', `${etcdFolder}/etcd.json`])
      .withLabels(labels)
      // With an alias, the container is on the default network too: its ports stay open when it leaves this network.
      .withNetworkMode(network.id)
      .withNetworkAliases(this.#name)
      .withExposedPorts(
        { container: clientPort, host: this.#ports.client },
        { container: adminPort, host: this.#ports.admin },
      )
      .withCopyContentToContainer(files)
      .withWaitStrategy(Wait.forLogMessage(/serving client traffic/))
      .withStartupTimeout(60_000)
      .start()
  }

  async write(files: ContainerFile[]): Promise<void> {
    await this.#container.copyContentToContainer(files)
  }

  async copyFrom(path: string): Promise<Buffer> {
    return buffer(await this.#container.copyArchiveFromContainer(path))
  }

  async copyTo(archive: Buffer): Promise<void> {
    await this.#container.copyArchiveToContainer(Readable.from([archive]), '/')
  }

  async start(): Promise<void> {
    await this.#docker.start()
  }

  async stop(): Promise<void> {
    await this.#docker.stop()
  }

  /** Kills the process with SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    const docker = this.#docker
    const ended = docker.wait()
    await docker.kill()
    await ended
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    await this.#docker.kill({ signal })
  }

  async joinNetwork(): Promise<void> {
    await this.#context.network.connect({
      Container: this.#container.getId(),
      EndpointConfig: { Aliases: [this.#name] },
    })
  }

  async leaveNetwork(): Promise<void> {
    await this.#context.network.disconnect({ Container: this.#container.getId() })
  }

  /** Runs a program in the container, with the environment that etcdctl needs. Resolves with its output. */
  async exec(command: string[]): Promise<string> {
    const { exitCode, output, stdout } = await this.#container.exec(command, {
      env: { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: `http://127.0.0.1:${adminPort}` },
    })
    if (exitCode !== 0) throw new Error(`${this.#name}: ${command.join(' ')}: exit code ${exitCode}: ${output}`)
    return stdout
  }

  async logs(): Promise<string> {
    return (await this.#docker.logs({ stdout: true, stderr: true })).toString()
  }

  async remove(): Promise<void> {
    if (this.#started) await this.#docker.remove({ force: true, v: true })
  }
}
