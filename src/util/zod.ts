import { createRequire } from 'node:module'
import type * as zod from 'zod/v3'

let loaded: typeof zod.z | undefined

/**
 * zod, loaded when it is first used, so that the import of this package stays fast. It is loaded with `require`,
 * because `watchApiserverAddresses` throws its `TypeError` synchronously.
 *
 * The package zod contains zod 3, which loads in 6 ms, and zod 4, which loads in 30 to 40 ms.
 */
export const z: typeof zod.z = new Proxy({} as typeof zod.z, {
  get: (_target, name) => Reflect.get((loaded ??= (createRequire(import.meta.url)('zod/v3') as typeof zod).z), name),
})
