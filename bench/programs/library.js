// The shortest program with this package. The options that are not given have their defaults.
import { parseArgs } from 'node:util'
import { resolveApiserverAddresses } from '../../dist/index.js'

const string = { type: 'string' }
const { values } = parseArgs({ options: { endpoints: string, key: string, source: string, 'data-dir': string } })
const { 'data-dir': dataDir, ...others } = values
const { addresses } = await resolveApiserverAddresses({ ...others, dataDir })
console.log(addresses.join('\n'))
