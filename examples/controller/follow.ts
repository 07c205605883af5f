import type { WatchApiserverAddresses } from 'rke2-apiserver-resolver'
import type { Apiservers } from './apiservers.ts'

/**
 * Lets `apiservers` use every list, until the signal aborts. The function that watches is an argument, so that a test can
 * give a fake.
 */
export async function follow(
  watch: WatchApiserverAddresses,
  apiservers: Pick<Apiservers, 'use'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const list of watch({ timeoutMs: Infinity, probe: 'readyz', signal })) apiservers.use(list)
  } catch (error) {
    // The watch rejects with the reason of the signal, which is no error.
    if (!signal.aborted) throw error
  }
}
