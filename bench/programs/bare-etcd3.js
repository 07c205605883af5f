// The shortest program with etcd3: one read, without retry, validation or logging.
import { parseArgs } from 'node:util'
import { Etcd3 } from 'etcd3'

const { values } = parseArgs({ options: { endpoints: { type: 'string' }, key: { type: 'string' } } })
const client = new Etcd3({ hosts: values.endpoints })
const value = await client.get(values.key).string()
console.log(JSON.parse(value).join('\n'))
client.close()
