import type { ResolvedAddresses } from './addresses.ts'
import type { ResolveOptions } from './options.ts'

export async function resolveApiserverAddresses(_options: ResolveOptions = {}): Promise<ResolvedAddresses> {
  throw new Error('not written yet')
}
