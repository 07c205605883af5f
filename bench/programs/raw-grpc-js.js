// The shortest program with grpc-js: one read over TLS with a client certificate, without retry or validation.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, get } from '../baselines/support/etcd-client.js'

const string = { type: 'string' }
const { values } = parseArgs({ options: { endpoints: string, key: string, tls: string } })
const file = (name) => readFileSync(join(String(values.tls), `${name}.pem`))
const client = connect(values.endpoints, {}, { ca: file('ca'), cert: file('cert'), key: file('key') })
const { value } = await get(client, values.key)
console.log(JSON.parse(value).join('\n'))
client.close()
