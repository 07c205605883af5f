// etcd3's own watcher, with a get whenever it has connected.
import { Etcd3 } from 'etcd3'
import { list, run } from './baseline.js'

await run(({ endpoint, key, waiting }) => {
  const client = new Etcd3({ hosts: endpoint })
  const watcher = client.watch().key(key).watcher()
  return new Promise((resolve) => {
    const take = (value) => list(value) && resolve(value)
    watcher.on('put', ({ value }) => take(value.toString()))
    watcher.on('connected', () => {
      client
        .get(key)
        .string()
        .then((value) => take(value) ?? waiting())
        .catch(() => {})
    })
    watcher.on('disconnected', () => {})
    watcher.on('error', () => {})
  })
})
