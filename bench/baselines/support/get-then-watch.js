import { setTimeout as sleep } from 'node:timers/promises'
import { connect, get, watch } from './etcd-client.js'
import { parseList } from './program.js'

/** Returns a wait that reads the key once and then watches it. It starts again when the read or the watch fails. */
export const getThenWatch =
  (options) =>
  async ({ endpoint, key, waiting }) => {
    const client = connect(endpoint, options)
    for (;;) {
      try {
        const { value, revision } = await get(client, key)
        if (parseList(value)) return value
        for await (const written of watch(client, key, revision, waiting)) if (parseList(written)) return written
      } catch {
        await sleep(100)
      }
    }
  }
