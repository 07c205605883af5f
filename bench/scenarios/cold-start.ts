import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultKey } from '../../src/rke2.ts'
import { Etcd, storedList } from '../etcd.ts'
import { runProgram } from '../processes.ts'
import { median, shuffled } from '../stats.ts'

/** The programs that are started while the key is set. They are compared with bare etcd3. */
const programs = {
  'bare etcd3': '../programs/bare-etcd3.js',
  'this package, the library': '../programs/library.js',
  'this package, the command': '../../dist/cli.js',
  'etcd3 + p-retry': '../baselines/etcd3-p-retry.js',
  "K3s's loop": '../baselines/k3s-loop.js',
  'an empty module': '../programs/empty.js',
  'importing this package': '../programs/import.js',
} as const

export type Program = keyof typeof programs

export interface ColdStart {
  /** Milliseconds from the start of the process to its first output. */
  readonly outputMs: number[]
  /** Milliseconds from the start of the process to its exit. */
  readonly exitMs: number[]
  readonly cpuMs: number
  readonly peakMb: number
}

type Samples = Record<keyof ColdStart, number[]>

const key = defaultKey('rke2')
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Measures how long each program takes from its start to its first output. */
export async function coldStart({ rounds }: { rounds: number }): Promise<Record<Program, ColdStart>> {
  await using etcd = await Etcd.start()
  await etcd.put(key, storedList(3))
  // The command has another meaning for `--key`, the TLS key, and reads this key by default.
  const keyFlag = (name: Program) => (name === 'this package, the command' ? [] : ['--key', key])
  return await measureColdStarts(programs, rounds, (name) => ['--endpoints', etcd.endpoint, ...keyFlag(name)])
}

/** The programs that read the key over TLS with a client certificate, as on a node. They are compared with bare etcd3. */
const tlsPrograms = {
  'bare etcd3': '../programs/bare-etcd3.js',
  'raw grpc-js': '../programs/raw-grpc-js.js',
  'this package, the library': '../programs/library.js',
  'this package, the command': '../../dist/cli.js',
} as const

export type TlsProgram = keyof typeof tlsPrograms

/** Measures the same with an etcd that requires client certificates, as that of RKE2 does. */
export async function tlsColdStart({ rounds }: { rounds: number }): Promise<Record<TlsProgram, ColdStart>> {
  await using etcd = await Etcd.start({ secure: true })
  await etcd.put(key, storedList(3))
  const folder = etcd.tlsFolder
  const files = [
    '--cacert',
    join(folder, 'ca.pem'),
    '--cert',
    join(folder, 'cert.pem'),
    '--key',
    join(folder, 'key.pem'),
  ]
  return await measureColdStarts(tlsPrograms, rounds, (name) => [
    '--endpoints',
    etcd.endpoint,
    ...(name === 'this package, the command' ? files : ['--key', key, '--tls', folder]),
  ])
}

/** Measures these programs, given as files relative to this one, in turns and in random order. */
export async function measureColdStarts<Name extends string>(
  files: Readonly<Record<Name, string>>,
  rounds: number,
  argsOf: (name: Name) => readonly string[],
): Promise<Record<Name, ColdStart>> {
  const names = Object.keys(files) as Name[]
  const byProgram = <T>(value: (name: Name) => T) =>
    Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, T>
  const samples = byProgram((): Samples => ({ outputMs: [], exitMs: [], cpuMs: [], peakMb: [] }))

  // Nothing is recorded in the first round: it reads the files from the disk and fills Node's compile cache.
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffled(names)) {
      const args = [file(files[name]), ...argsOf(name)]
      const { outputMs, exitMs } = await runProgram(args)
      if (round < 0) continue
      samples[name].outputMs.push(outputMs)
      samples[name].exitMs.push(exitMs)
      if (round % 4 === 0) await measureUsage(args, samples[name])
    }
  }
  return byProgram((name) => {
    const { outputMs, exitMs, cpuMs, peakMb } = samples[name]
    return { outputMs, exitMs, cpuMs: median(cpuMs), peakMb: median(peakMb) }
  })
}

/** Measures CPU and memory in a run of their own, because the hook costs a little time. */
async function measureUsage(args: readonly string[], { cpuMs, peakMb }: Samples): Promise<void> {
  const { stdout } = await runProgram(['--require', file('../programs/usage.cjs'), ...args])
  const usage = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { cpuMs: number; peakMb: number }
  cpuMs.push(usage.cpuMs)
  peakMb.push(usage.peakMb)
}
