import { loadOnCall } from './loading/load-on-call.ts'
import type { Library } from './loading/load-on-call.ts'

export { ApiserverAddressError } from './errors.ts'

// The build makes a file of each of these modules. `require` can load them again after a failure.
const library = loadOnCall({
  resolve: () => require('./resolve.cjs') as typeof import('./resolve.ts'),
  watch: () => require('./watch.cjs') as typeof import('./watch.ts'),
})

export const resolveApiserverAddresses: Library['resolveApiserverAddresses'] = library.resolveApiserverAddresses
export const watchApiserverAddresses: Library['watchApiserverAddresses'] = library.watchApiserverAddresses
