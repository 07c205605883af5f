import { fileURLToPath } from 'node:url'
import { Apiserver, threeAddresses } from '../../apiserver.ts'
import { runProgram } from '../../processes.ts'

export interface Handles {
  readonly calls: number
  /** The number of calls after which more kept the process alive than before the first call. */
  readonly left: number
}

/** Counts the calls that leave an open handle, in a process that does nothing else. */
export async function kubernetesHandles({ calls }: { calls: number }): Promise<Handles> {
  await using apiserver = await Apiserver.start()
  await apiserver.set(...threeAddresses)
  const program = fileURLToPath(new URL('../../programs/open-handles.js', import.meta.url))
  const args = ['--endpoints', apiserver.endpoint, '--data-dir', apiserver.dataDir, '--calls', String(calls)]
  const { stdout } = await runProgram([program, ...args])
  return { calls, ...(JSON.parse(stdout) as Pick<Handles, 'left'>) }
}
