import { fileURLToPath } from 'node:url'
import { addresses, Etcd } from '../etcd.ts'
import { runProgram } from '../process.ts'
import { median, shuffled } from '../stats.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const usageHook = ['--require', file('../programs/usage.cjs')]

/** What is started, with the key already set. The base is etcd3 alone, without retry, validation or logging. */
export const programs = {
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
  /** Milliseconds from the start of the process to its answer, and to its end. */
  readonly knownMs: number[]
  readonly exitMs: number[]
  readonly cpuMs: number
  readonly peakMb: number
}

/** From the start of a process to its answer. */
export async function coldStart({ rounds }: { rounds: number }): Promise<Record<Program, ColdStart>> {
  await using etcd = await Etcd.start()
  const key = 'rke2/apiaddresses'
  await etcd.put(key, addresses(3))
  const names = Object.keys(programs) as Program[]
  // The command's `--key` is that of TLS, and its default the key in etcd.
  const commandLine = (name: Program) => [
    file(programs[name]),
    '--endpoints',
    etcd.endpoint,
    ...(name === 'this package, the command' ? [] : ['--key', key]),
  ]
  const samples = Object.fromEntries(
    names.map((name) => [
      name,
      { knownMs: [] as number[], exitMs: [] as number[], cpuMs: [] as number[], peakMb: [] as number[] },
    ]),
  ) as Record<Program, Record<keyof ColdStart, number[]>>

  // The first of each is only there to read the files from the disk and, where it is used, to fill Node's compile cache.
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffled(names)) {
      const { knownMs, exitMs } = await runProgram(commandLine(name))
      if (round < 0) continue
      samples[name].knownMs.push(knownMs)
      samples[name].exitMs.push(exitMs)
      // In a run of its own: the hook costs a little.
      if (round % 4 !== 0) continue
      const { stdout } = await runProgram([...usageHook, ...commandLine(name)])
      const { cpuMs, peakMb } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { cpuMs: number; peakMb: number }
      samples[name].cpuMs.push(cpuMs)
      samples[name].peakMb.push(peakMb)
    }
  }
  return Object.fromEntries(
    names.map((name) => {
      const { knownMs, exitMs, cpuMs, peakMb } = samples[name]
      return [name, { knownMs, exitMs, cpuMs: median(cpuMs), peakMb: median(peakMb) }]
    }),
  ) as Record<Program, ColdStart>
}
