// etcd3 and p-retry as their READMEs show them: defaults, and `randomize`.
import { Etcd3 } from 'etcd3'
import pRetry from 'p-retry'
import { list, run } from './baseline.js'

await run(({ endpoint, key, waiting }) => {
  const client = new Etcd3({ hosts: endpoint })
  const read = async () => {
    const value = await client.get(key).string()
    if (list(value)) return value
    waiting()
    throw new Error('not yet set')
  }
  return pRetry(read, { randomize: true })
})
