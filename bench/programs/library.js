// The shortest program with this package. The options that are not given have their defaults.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { resolveApiserverAddresses } from '../../dist/index.js'

const string = { type: 'string' }
const { values } = parseArgs({
  options: { endpoints: string, key: string, source: string, 'data-dir': string, tls: string },
})
const { 'data-dir': dataDir, tls: folder, ...others } = values
const file = (name) => join(String(folder), `${name}.pem`)
const tls = folder && { caFile: file('ca'), certFile: file('cert'), keyFile: file('key') }
const { addresses } = await resolveApiserverAddresses({ ...others, dataDir, tls })
console.log(addresses.join('\n'))
