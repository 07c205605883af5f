// The watcher of etcd3, and a read each time it has connected.
import { Etcd3 } from 'etcd3'
import { parseList, run } from './support/program.js'

await run(({ endpoint, key, waiting }) => {
  const client = new Etcd3({ hosts: endpoint })
  const watcher = client.watch().key(key).watcher()
  return new Promise((resolve) => {
    const resolveWithList = (value) => parseList(value) && resolve(value)
    watcher.on('put', ({ value }) => resolveWithList(value.toString()))
    watcher.on('connected', () => {
      client
        .get(key)
        .string()
        .then((value) => resolveWithList(value) ?? waiting())
        .catch(() => {})
    })
    watcher.on('disconnected', () => {})
    watcher.on('error', () => {})
  })
})
