import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Returns the memory usage after a garbage collection. */
export function memoryInUse(): NodeJS.MemoryUsage {
  collect()
  return process.memoryUsage()
}

/** Returns the bytes of the heap that are in use after a garbage collection. */
export const heapUsed = (): number => memoryInUse().heapUsed
