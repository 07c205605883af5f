import { createRequire } from 'node:module'
import type * as zod from 'zod/v3'

/**
 * zod, loaded by its first use. Options have to be refused synchronously, and importing the package has to cost next
 * to nothing. Of the two that the package zod holds for good, this one is loaded in 6 ms, and zod 4 in 30 to 40.
 */
let loaded: typeof zod.z | undefined
export const z: typeof zod.z = new Proxy({} as typeof zod.z, {
  get: (_target, name) => Reflect.get((loaded ??= (createRequire(import.meta.url)('zod/v3') as typeof zod).z), name),
})
