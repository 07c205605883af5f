// node:http2 alone: one list, then a watch. It connects again after 250 ms to 1.5 s, and does not see a dead connection.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, list, watch } from './support/apiserver-client.js'
import { run } from './support/program.js'

const pauses = { first: 250, longest: 1500, factor: 1.6 }

await run(async ({ endpoint, dataDir, waiting }) => {
  for (let pause = pauses.first; ; pause = Math.min(pause * pauses.factor, pauses.longest)) {
    const session = connect(endpoint, dataDir)
    try {
      const { addresses, version } = await list(session)
      if (addresses.length > 0) return JSON.stringify(addresses)
      pause = pauses.first
      for await (const changed of watch(session, version, waiting)) {
        if (changed.length > 0) return JSON.stringify(changed)
      }
    } catch {
      // The next connection may succeed.
    } finally {
      session.destroy()
    }
    await sleep(pause * (0.8 + 0.4 * Math.random()))
  }
})
