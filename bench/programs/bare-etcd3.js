// The shortest program with etcd3: one read, without retry, validation or logging.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Etcd3 } from 'etcd3'

const string = { type: 'string' }
const { values } = parseArgs({ options: { endpoints: string, key: string, tls: string } })
const file = (name) => readFileSync(join(String(values.tls), `${name}.pem`))
const credentials = values.tls && { rootCertificate: file('ca'), certChain: file('cert'), privateKey: file('key') }
const client = new Etcd3({ hosts: values.endpoints, credentials })
const value = await client.get(values.key).string()
console.log(JSON.parse(value).join('\n'))
client.close()
