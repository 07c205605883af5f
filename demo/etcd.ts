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
  /** For people: the version and where it comes from. */
  readonly description: string
  /** The address etcd must listen on to be reached at 127.0.0.1. */
  readonly listenHost: string
  /** The command line that runs etcd with this configuration file, which is in `dataDir`. */
  commandLine(configFile: string, dataDir: string, port: number): readonly [string, ...string[]]
}

/** etcd from the PATH, else Debian's (unpacked in .cache, nothing is installed), else in a container. */
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
  throw new Error(`it needs etcd, and ${missing.join(', ')}`)
}

async function onPath(signal: AbortSignal): Promise<EtcdProgram> {
  return installed('etcd', 'from the PATH', signal)
}

async function fromDebian(signal: AbortSignal): Promise<EtcdProgram> {
  const script = fileURLToPath(new URL('../test/engine/debian-etcd.sh', import.meta.url))
  // What the script has to tell (a download) is for the screen.
  const child = spawn('sh', [script, 'trixie'], { stdio: ['ignore', 'pipe', 'inherit'], signal })
  const [folder, [code]] = await Promise.all([child.stdout.setEncoding('utf8').toArray(), once(child, 'close')])
  if (code !== 0) throw new Error("Debian's packages cannot be had (see above)")
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
      // As this user, so that etcd can read the data directory and we can remove it.
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

/** Runs etcd until it is disposed of. `onEnd` hears of an end that comes before that, with etcd's last words. */
export function runEtcd(
  [program, ...args]: readonly [string, ...string[]],
  onEnd: (lastWords: string) => void,
): AsyncDisposable {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let lastWords = ''
  createInterface(child.stderr).on('line', (line) => (lastWords = line))
  let disposed = false
  const ended = once(child, 'close').then(() => lastWords, reasonOf)
  void ended.then((words) => {
    if (!disposed) onEnd(words)
  })
  return {
    async [Symbol.asyncDispose]() {
      disposed = true
      child.kill('SIGTERM')
      if ((await Promise.race([ended, sleep(2000, undefined, { ref: false })])) === undefined) child.kill('SIGKILL')
      await ended
    },
  }
}

function reasonOf(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException & { path?: string }
  if (code === 'ENOENT') return path?.includes('/') ? `there is no ${path}` : `${path} is not on the PATH`
  return error instanceof Error ? error.message.trim().replaceAll('\n', ' ') : String(error)
}
