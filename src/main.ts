import { loadOnCall } from './loading/load-on-call.ts'
import type { Library } from './loading/load-on-call.ts'

export { ApiserverAddressError } from './errors.ts'

// The build makes library.cjs of index.ts. `require` can load it again after a failure.
const library = loadOnCall(() => require('./library.cjs') as Library)

export const resolveApiserverAddresses: Library['resolveApiserverAddresses'] = library.resolveApiserverAddresses
export const watchApiserverAddresses: Library['watchApiserverAddresses'] = library.watchApiserverAddresses
