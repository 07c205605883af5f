import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes in use, by their kind, after a collection of all that is not. */
export function memoryInUse(): NodeJS.MemoryUsage {
  collect()
  return process.memoryUsage()
}

/** Those of the heap. */
export const heapUsed = (): number => memoryInUse().heapUsed
