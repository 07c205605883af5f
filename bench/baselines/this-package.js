// This package, as it is published. With a data directory, it reads from Kubernetes, else from etcd.
import { EventEmitter } from 'node:events'
import { resolveApiserverAddresses } from '../../dist/index.js'
import { run } from './support/program.js'

await run(async ({ endpoint, key, dataDir, waiting }) => {
  const events = new EventEmitter()
  events.on('retry', waiting)
  const where = dataDir === undefined ? { key } : { source: 'kubernetes', dataDir }
  const { addresses } = await resolveApiserverAddresses({ endpoints: endpoint, ...where, timeoutMs: Infinity, events })
  return JSON.stringify(addresses)
})
