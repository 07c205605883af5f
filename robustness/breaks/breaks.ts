import type { Break } from './break.ts'
import { breaksOfCalls } from './calls.ts'
import { breaksOfKubernetes } from './kubernetes.ts'
import { breaksOfWatches } from './watches.ts'

/** Every break that the campaign must find. */
export const breaks: readonly Break[] = [...breaksOfCalls, ...breaksOfWatches, ...breaksOfKubernetes]
