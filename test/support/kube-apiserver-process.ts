import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { getContainerRuntimeClient } from 'testcontainers'

/** A program that can be started again after its end: a process of this machine, or one in a container. */
export interface RestartableProgram {
  start(): Promise<void>
  /** Sends a signal. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'): Promise<void>
  isRunning(): Promise<boolean>
  /** Resolves when the program has ended, and at once if it is not running. */
  ended(): Promise<void>
  /** Returns the end of the log. */
  log(): Promise<string>
  /** Removes what is left after the end. */
  remove(): Promise<void>
}

const setpriv = '/usr/bin/setpriv'

/** Runs a program as a process. It ends with the process of the tests, also when that is killed. */
export function processOf(file: string, args: readonly string[], logFile: string): RestartableProgram {
  const [program, ...rest] = existsSync(setpriv)
    ? ([setpriv, '--pdeathsig', 'KILL', file, ...args] as const)
    : ([file, ...args] as const)
  let child: ChildProcess | undefined
  let closed: Promise<unknown> = Promise.resolve()
  return {
    async start() {
      const log = await open(logFile, 'a')
      child = spawn(program, rest, { stdio: ['ignore', log.fd, log.fd] })
      closed = once(child, 'close')
      closed.catch(() => {})
      await once(child, 'spawn')
      await log.close()
    },
    async signal(name) {
      child?.kill(name)
    },
    async isRunning() {
      return child !== undefined && child.exitCode === null && child.signalCode === null
    },
    async ended() {
      await closed
    },
    async log() {
      return lastLines(await readFile(logFile, 'utf8'))
    },
    async remove() {},
  }
}

/** Runs an image as a container in the network of this machine, with folders of this machine at the same paths. */
export async function containerOf(
  image: string,
  args: readonly string[],
  { folders, labels }: { readonly folders: readonly string[]; readonly labels: Readonly<Record<string, string>> },
): Promise<RestartableProgram> {
  const { dockerode } = (await getContainerRuntimeClient()).container
  const container = await dockerode.createContainer({
    Image: image,
    Entrypoint: ['kube-apiserver'],
    Cmd: [...args],
    // As the current user, so that it can read the folders.
    User: `${userInfo().uid}:${userInfo().gid}`,
    Labels: { ...labels },
    HostConfig: { NetworkMode: 'host', Binds: folders.map((folder) => `${folder}:${folder}:ro`) },
  })
  return {
    async start() {
      await container.start()
    },
    async signal(name) {
      await container.kill({ signal: name })
    },
    async isRunning() {
      return (await container.inspect()).State.Running
    },
    async ended() {
      await container.wait()
    },
    async log() {
      return lastLines(String(await container.logs({ stdout: true, stderr: true, tail: 20 })))
    },
    async remove() {
      await container.remove({ force: true, v: true })
    },
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-20).join('\n')
}
