// This package, as it is published.
import { EventEmitter } from 'node:events'
import { resolveApiserverAddresses } from '../../dist/index.js'
import { run } from './support/program.js'

await run(async ({ endpoint, key, waiting }) => {
  const events = new EventEmitter()
  events.on('retry', waiting)
  const { addresses } = await resolveApiserverAddresses({ endpoints: endpoint, key, timeoutMs: Infinity, events })
  return JSON.stringify(addresses)
})
