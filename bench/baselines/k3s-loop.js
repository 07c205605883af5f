// What K3s does on a node without an apiserver (getAPIAddressFromEtcd): every 5 s a new client and one read. The read
// stays pending while the connection is being made.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, disconnect, get } from './support/etcd-client.js'
import { parseList, run } from './support/program.js'

await run(async ({ endpoint, key, waiting }) => {
  for (;;) {
    const pause = sleep(5000)
    const client = connect(endpoint)
    try {
      const { value } = await get(client, key, { deadline: Date.now() + 5000 })
      if (parseList(value)) return value
      waiting()
    } catch {
      // The next read may succeed.
    } finally {
      disconnect(client)
    }
    await pause
  }
})
