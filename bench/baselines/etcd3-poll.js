// etcd3 with its defaults, and one read every second.
import { setTimeout as sleep } from 'node:timers/promises'
import { Etcd3 } from 'etcd3'
import { parseList, run } from './support/program.js'

await run(async ({ endpoint, key, waiting }) => {
  const client = new Etcd3({ hosts: endpoint })
  for (;;) {
    try {
      const value = await client.get(key).string()
      if (parseList(value)) return value
      waiting()
    } catch {
      // The next read may succeed.
    }
    await sleep(1000)
  }
})
