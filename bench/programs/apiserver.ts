// Runs a fake apiserver, in a process of its own, and does what the messages of its parent say.
import { startFakeApiserver } from '../../test/support/kubernetes/fake-apiserver.ts'
import { createClusterAuthorities, writeNodeFiles } from '../../test/support/kubernetes/node-files.ts'
import type { ApiserverCounts, ApiserverMessage, ApiserverReply } from '../apiserver.ts'

const [dataDir = ''] = process.argv.slice(2)
const authorities = await createClusterAuthorities()
await writeNodeFiles(dataDir, authorities)
const apiserver = await startFakeApiserver(authorities)

function counts(): ApiserverCounts {
  const { user, system } = process.cpuUsage()
  return { requests: apiserver.requests.length, cpuUs: user + system, rss: process.memoryUsage.rss() }
}

process.on('message', (message: ApiserverMessage) => void answer(message))

async function answer({ id, addresses, listens, rotates }: ApiserverMessage): Promise<void> {
  const at = String(process.hrtime.bigint())
  if (addresses !== undefined) apiserver.store.set(...addresses)
  if (listens !== undefined) await (listens ? apiserver.start() : apiserver.kill())
  if (rotates === true) await writeNodeFiles(dataDir, authorities)
  reply({ id, at, url: apiserver.directUrl, counts: counts() })
}

const reply = (message: ApiserverReply) => process.send?.(message)
reply({ id: 0, at: '0', url: apiserver.directUrl, counts: counts() })
