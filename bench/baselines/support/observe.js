// Loaded into a program with --import. Counts its TCP connects, and answers each IPC message with what it has used so far.
import diagnostics from 'node:diagnostics_channel'

let connects = 0
diagnostics.subscribe('net.client.socket', () => connects++)
process.on('message', ({ collect }) => {
  const { user, system } = process.cpuUsage()
  if (collect) globalThis.gc()
  process.send({
    connects,
    cpuMs: (user + system) / 1000,
    rss: process.memoryUsage.rss(),
    heap: process.memoryUsage().heapUsed,
  })
})
process.channel?.unref()
