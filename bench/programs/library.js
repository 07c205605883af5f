// The shortest program with this package.
import { parseArgs } from 'node:util'
import { resolveApiserverAddresses } from '../../dist/index.js'

const { values } = parseArgs({ options: { endpoints: { type: 'string' }, key: { type: 'string' } } })
const { addresses } = await resolveApiserverAddresses({ endpoints: values.endpoints, key: values.key })
console.log(addresses.join('\n'))
