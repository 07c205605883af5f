import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const
const key = 'rke2/apiaddresses'
const list = (...addresses: string[]) => `${JSON.stringify(addresses)}\n`

expectNoLeaks()

/** Blocks the event loop of this process while another process writes the key, and for this time after that. */
function writeWhileBlocked({ members: [member] }: EtcdCluster, value: string, ms: number): void {
  const body = JSON.stringify({ key: btoa(key), value: btoa(value) })
  const program = 'fetch(process.argv[1], { method: "POST", body: process.argv[2] })'
  const { status, stderr } = spawnSync(process.execPath, ['-e', program, member!.gatewayUrl('kv/put'), body])
  if (status !== 0) throw new Error(String(stderr))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('watch does not remove an address that comes back while the event loop is blocked beyond shrinkDelayMs', async () => {
  await using etcd = await startEtcd()
  await etcd.put(key, list(a, b))
  const { dataDir, endpoints } = etcd
  const followed = new ObservedWatch({ dataDir, endpoints, shrinkDelayMs: 500 })
  await followed.start()
  await etcd.put(key, list(a))
  await followed.events.until('held')
  // After this, the timers are the next to run, before the sockets.
  await new Promise(setImmediate)
  writeWhileBlocked(etcd, list(a, b), 500)
  await etcd.put(key, list(a, b, c))
  await followed.events.until('changed', ({ added }) => added.includes(c))
  expect(followed.events.of('changed')).toMatchObject([{ addresses: [a, b, c], added: [c], removed: [] }])
})
