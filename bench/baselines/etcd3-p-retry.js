// etcd3 and p-retry as their READMEs show them: with their defaults and `randomize`.
import { Etcd3 } from 'etcd3'
import pRetry from 'p-retry'
import { parseList, run } from './support/program.js'

await run(({ endpoint, key, waiting }) => {
  const client = new Etcd3({ hosts: endpoint })
  const read = async () => {
    const value = await client.get(key).string()
    if (parseList(value)) return value
    waiting()
    throw new Error('the key is not set yet')
  }
  return pRetry(read, { randomize: true })
})
