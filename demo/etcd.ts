import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { userInfo } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const officialImage = 'gcr.io/etcd-development/etcd:v3.6.14'

/** A way to run etcd on this machine. */
export interface EtcdProgram {
  /** The version of etcd, and where it comes from. */
  readonly description: string
  /** The address that etcd must listen on so that it can be reached at 127.0.0.1. */
  readonly listenHost: string
  /** Returns the command line that runs etcd with this configuration file, which must be in `dataDir`. */
  commandLine(configFile: string, dataDir: string, port: number): readonly [string, ...string[]]
}

/** Finds etcd on the PATH, else in the packages of Debian (unpacked in .cache, not installed), else as a container image. */
export async function findEtcd(signal: AbortSignal): Promise<EtcdProgram> {
  const missing: string[] = []
  for (const find of [onPath, fromDebian, inContainer]) {
    try {
      return await find(signal)
    } catch (error) {
      signal.throwIfAborted()
      missing.push(reasonOf(error))
    }
  }
  throw new Error(`no etcd found: ${missing.join('; ')}`)
}

async function onPath(signal: AbortSignal): Promise<EtcdProgram> {
  return installed('etcd', 'from the PATH', signal)
}

async function fromDebian(signal: AbortSignal): Promise<EtcdProgram> {
  const script = fileURLToPath(new URL('../test/engine/debian-etcd.sh', import.meta.url))
  // stderr is inherited, so that the user sees that the script downloads packages.
  const child = spawn('sh', [script, 'trixie'], { stdio: ['ignore', 'pipe', 'inherit'], signal })
  const [folder, [code]] = await Promise.all([child.stdout.setEncoding('utf8').toArray(), once(child, 'close')])
  if (code !== 0) throw new Error('the packages of Debian are not available (see above)')
  return installed(`${folder.join('').trim()}/etcd`, "from Debian's packages", signal)
}

async function inContainer(signal: AbortSignal): Promise<EtcdProgram> {
  await run('docker', ['info'], { signal })
  const image = process.env['ETCD_IMAGE']?.split(/[\s,]+/).find(Boolean) ?? officialImage
  await run('docker', ['image', 'inspect', image], { signal }).catch(() => {
    console.error(`Pulling ${image}`)
    return run('docker', ['pull', '--quiet', image], { signal })
  })
  const { uid, gid } = userInfo()
  return {
    description: `etcd in a container of ${image}`,
    listenHost: '0.0.0.0',
    commandLine: (configFile, dataDir, port) => [
      'docker',
      'run',
      '--rm',
      // As the current user, so that etcd can read the data directory and this process can remove it.
      `--user=${uid}:${gid}`,
      `--volume=${dataDir}:${dataDir}`,
      `--publish=127.0.0.1:${port}:${port}`,
      '--entrypoint=etcd',
      image,
      `--config-file=${configFile}`,
    ],
  }
}

async function installed(program: string, origin: string, signal: AbortSignal): Promise<EtcdProgram> {
  const { stdout } = await run(program, ['--version'], { signal })
  return {
    description: `etcd ${/Version: (\S+)/.exec(stdout)?.[1] ?? ''} ${origin}`,
    listenHost: '127.0.0.1',
    commandLine: (configFile) => [program, `--config-file=${configFile}`],
  }
}

/** Runs etcd until it is disposed of. `onExit` is called with etcd's last line if etcd exits before that. */
export function runEtcd(
  [program, ...args]: readonly [string, ...string[]],
  onExit: (lastLine: string) => void,
): AsyncDisposable {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let lastLine = ''
  createInterface(child.stderr).on('line', (line) => (lastLine = line))
  let disposed = false
  const exited = once(child, 'close').then(() => lastLine, reasonOf)
  void exited.then((line) => {
    if (!disposed) onExit(line)
  })
  return {
    async [Symbol.asyncDispose]() {
      disposed = true
      child.kill('SIGTERM')
      if ((await Promise.race([exited, sleep(2000, undefined, { ref: false })])) === undefined) child.kill('SIGKILL')
      await exited
    },
  }
}

function reasonOf(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException & { path?: string }
  if (code === 'ENOENT') return path?.includes('/') ? `${path} does not exist` : `${path} is not on the PATH`
  return error instanceof Error ? error.message.trim().replaceAll('\n', ' ') : String(error)
}
