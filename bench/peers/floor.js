// The floor of Node: grpc-js alone, one get, then a watch. Reconnects as grpc-js does, held to 250 ms to 1.5 s.
import { setTimeout as sleep } from 'node:timers/promises'
import { list, run } from './peer.js'
import { connect, get, watch } from './wire.js'

const reconnect = { 'grpc.initial_reconnect_backoff_ms': 250, 'grpc.max_reconnect_backoff_ms': 1500 }

await run(async ({ endpoint, key, waiting }) => {
  const client = connect(endpoint, reconnect)
  for (;;) {
    try {
      const { value, revision } = await get(client, key)
      if (list(value)) return value
      for await (const written of watch(client, key, revision, waiting)) if (list(written)) return written
    } catch {
      await sleep(100)
    }
  }
})
