import { Apiserver, threeAddresses } from '../../apiserver.ts'
import { measureColdStarts } from '../cold-start.ts'
import type { ColdStart } from '../cold-start.ts'

/** The programs that read the list from an apiserver, with the same files. They are compared with one raw request. */
const programs = {
  'one raw request': '../programs/raw-http2.js',
  'this package, the library': '../programs/library.js',
  'this package, the command': '../../dist/cli.js',
  'an empty module': '../programs/empty.js',
} as const

export type KubernetesProgram = keyof typeof programs

/** Measures how long each program takes from its start to its first output. */
export async function kubernetesColdStart({
  rounds,
}: {
  rounds: number
}): Promise<Record<KubernetesProgram, ColdStart>> {
  await using apiserver = await Apiserver.start()
  await apiserver.set(...threeAddresses)
  return await measureColdStarts(programs, rounds, (name) => [
    ...(name.startsWith('this package') ? ['--source', 'kubernetes'] : []),
    '--endpoints',
    apiserver.endpoint,
    '--data-dir',
    apiserver.dataDir,
  ])
}
