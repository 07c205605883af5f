// What K3s does on a node without an apiserver (getAPIAddressFromEtcd): every 5 s a new client and one get, which
// stays pending while the connection is being made.
import { setTimeout as sleep } from 'node:timers/promises'
import { list, run } from './baseline.js'
import { connect, disconnect, get } from './wire.js'

await run(async ({ endpoint, key, waiting }) => {
  for (;;) {
    const rest = sleep(5000)
    const client = connect(endpoint)
    try {
      const { value } = await get(client, key, { deadline: Date.now() + 5000 })
      if (list(value)) return value
      waiting()
    } catch {
      // the next one
    } finally {
      disconnect(client)
    }
    await rest
  }
})
