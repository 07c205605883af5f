import { createRequire } from 'node:module'
import type * as zod from 'zod'

/**
 * zod, loaded by its first use. Options have to be refused synchronously, and importing the package has to cost next
 * to nothing, which an `import` of zod (30 to 40 ms) is not.
 */
let loaded: typeof zod.z | undefined
export const z: typeof zod.z = new Proxy({} as typeof zod.z, {
  get: (_target, name) => Reflect.get((loaded ??= (createRequire(import.meta.url)('zod') as typeof zod).z), name),
})
