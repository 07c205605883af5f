import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { getContainerRuntimeClient } from 'testcontainers'
import { commandLine } from './command-program.ts'
import { labels } from './kube-apiserver-program.ts'

const project = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

export interface ContainerOptions {
  /** The program and its arguments. @default the command, with half a minute for the list */
  readonly program?: readonly string[]
  /** Stops the container with SIGTERM when stdout has this text. Otherwise the program ends by itself. */
  readonly stopAt?: string
  readonly env?: Readonly<Record<string, string>>
  /** The folders of this machine to mount, each with its path in the container. */
  readonly mounts: Readonly<Record<string, string>>
}

export interface ContainerResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program in a container, where it is the first process, and its default paths can be those of a Pod or of a node.
 * The container has the network of this machine, and its Node and its libraries, because no image with Node may be at
 * hand.
 */
export async function runInContainer({
  program,
  stopAt,
  env = {},
  mounts,
}: ContainerOptions): Promise<ContainerResult> {
  const [file = '', ...args] = program ?? [...commandLine(), '--timeout', '30s']
  const own = [project, dirname(file), '/lib', '/lib64', '/usr/lib'].filter((path) => existsSync(path))
  const all = [...own.map((path) => [path, path]), ...Object.entries(mounts)]
  const { dockerode } = (await getContainerRuntimeClient()).container
  const container = await dockerode.createContainer({
    Image: process.env['ETCD_IMAGE'] ?? '',
    Entrypoint: [file],
    Cmd: args,
    // Node 22 prints a warning that it strips types.
    Env: Object.entries({ NODE_NO_WARNINGS: '1', ...env }).map(([name, value]) => `${name}=${value}`),
    Labels: { ...labels },
    HostConfig: { NetworkMode: 'host', Binds: all.map(([from, to]) => `${from}:${to}:ro`) },
  })
  try {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const output = await container.attach({ stream: true, stdout: true, stderr: true })
    dockerode.modem.demuxStream(output, stdout, stderr)
    output.on('end', () => {
      stdout.end()
      stderr.end()
    })
    if (stopAt !== undefined) {
      stdout.on('data', (chunk: Buffer) => {
        // A second signal is refused when the program has ended after the first one.
        if (chunk.includes(stopAt)) container.kill({ signal: 'SIGTERM' }).catch(() => {})
      })
    }
    await container.start()
    const [printed, logged] = await Promise.all([text(stdout), text(stderr)])
    const { StatusCode: code } = (await container.wait()) as { StatusCode: number }
    return { code, stdout: printed, stderr: logged }
  } finally {
    await container.remove({ force: true })
  }
}
