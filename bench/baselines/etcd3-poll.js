// etcd3 with defaults, asked every second.
import { setTimeout as sleep } from 'node:timers/promises'
import { Etcd3 } from 'etcd3'
import { list, run } from './baseline.js'

await run(async ({ endpoint, key, waiting }) => {
  const client = new Etcd3({ hosts: endpoint })
  for (;;) {
    try {
      const value = await client.get(key).string()
      if (list(value)) return value
      waiting()
    } catch {
      // the next one
    }
    await sleep(1000)
  }
})
