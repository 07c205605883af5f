import { expect, test } from 'vitest'
import { statusBody } from '../../../support/kubernetes/fake-apiserver.ts'
import { VirtualWatch } from '../../../support/kubernetes/follow.ts'
import { issueKubeProxy, writeNodeFiles } from '../../../support/kubernetes/node-files.ts'
import { clusterAuthorities, startNode } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'

expectNoLeaks()

const [a, b] = ['10.0.0.1', '10.0.0.2'] as const
const retry = { initialDelayMs: 1, maxDelayMs: 10 }

/** Starts a watch in virtual time that has the first list, which is [a]. */
async function follow() {
  const { apiserver, options } = await startNode()
  apiserver.store.set(a)
  const watch = new VirtualWatch({ ...options, retry })
  await watch.start()
  await expect.poll(() => apiserver.watches).toBe(1)
  return { apiserver, store: apiserver.store, watch, options }
}

test('watch lists again over a new connection after GOAWAY whose server does not end the watch', async () => {
  const { apiserver, store, watch } = await follow()
  apiserver.goaway({ endsWatches: false })
  await expect.poll(() => apiserver.requests).toEqual(['list', 'watch 101', 'list', 'watch 101'])
  store.set(a, b)
  await watch.events.until('changed')
  await watch.advance(100_000)
  expect(watch.events.types).not.toContain('disconnected')
  expect(apiserver.connections).toBe(2)
})

test('watch takes a resumed watch without an answer for a timeout, and lists again', async () => {
  const { apiserver, store, watch } = await follow()
  apiserver.fault = { status: 200, silent: true, only: 'watch' }
  apiserver.endWatches()
  await expect.poll(() => apiserver.requests.length).toBe(3)
  expect(await watch.advanceUntil('disconnected')).toBeLessThanOrEqual(10_000)
  expect(watch.events.of('disconnected')[0]?.error).toMatchObject({ reason: 'timeout' })
  apiserver.fault = undefined
  store.set(a, b)
  await watch.advanceUntil('changed')
})

test('watch does not count watches that ended at once before a watch that lived', async () => {
  const { apiserver, store, watch } = await follow()
  for (let ends = 1; ends <= 2; ends++) {
    apiserver.endWatches()
    await expect.poll(() => apiserver.requests.length).toBe(2 + ends)
    await expect.poll(() => apiserver.watches).toBe(1)
  }
  await watch.advance(20_000)
  await apiserver.kill()
  await watch.events.until('disconnected')
  await apiserver.start()
  await watch.advanceUntil('connected')
  await expect.poll(() => apiserver.watches).toBe(1)
  watch.events.clear()
  store.bump(10)
  store.compact()
  apiserver.endWatches()
  await expect.poll(() => apiserver.requests.at(-1)).toBe('watch 111')
  expect(watch.events.types).toEqual(['attempt'])
})

test('watch does not blame a ping when the server is killed while the ping is under way', async () => {
  const { apiserver, watch } = await follow()
  await apiserver.freeze()
  await watch.advance(10_100)
  apiserver.reset()
  const { error } = await watch.events.until('disconnected')
  expect(error.message).toMatch(/the connection to the apiserver was lost \(.*ECONNRESET\)/)
})

test('resolve watches over a new connection when the apiserver sends GOAWAY with each list', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set(a)
  apiserver.fault = { status: 200, body: apiserver.listBody(), only: 'list', goaway: true }
  const watch = new VirtualWatch({ ...options, retry })
  await watch.watch.next()
  apiserver.fault = undefined
  await watch.advance(1000)
  expect(apiserver.watches).toBe(1)
  expect(watch.events.types).not.toContain('phase')
})

test('resolve reads the list with the backoff when the apiserver answers each watch with the status 410', async () => {
  const { apiserver, options } = await startNode()
  apiserver.fault = { status: 410, body: statusBody(410, 'too old resource version'), only: 'watch' }
  const watch = new VirtualWatch({ ...options, retry: { initialDelayMs: 1000, maxDelayMs: 1000 } })
  const first = watch.watch.next()
  await watch.advance(5000)
  expect(apiserver.lists).toBeLessThan(15)
  apiserver.fault = undefined
  apiserver.store.set(a)
  await watch.advanceUntil('resolved')
  expect((await first).value?.addresses).toEqual([`${a}:6443`])
})

test('resolve waits for Retry-After before the first list, too', async () => {
  const { apiserver, options } = await startNode()
  apiserver.fault = { status: 429, headers: { 'retry-after': '30' } }
  const watch = new VirtualWatch({ ...options, retry })
  const first = watch.watch.next()
  first.catch(() => {})
  expect((await watch.events.until('retry')).delayMs).toBe(30_000)
  await watch.watch.close()
})

test('watch moves to a connection with the new certificate after a rotation, and misses nothing', async () => {
  const { apiserver, store, watch, options } = await follow()
  const authorities = await clusterAuthorities()
  await writeNodeFiles(options.dataDir, authorities, await issueKubeProxy(authorities))
  await watch.advanceUntil('attempt')
  await expect.poll(() => apiserver.watches).toBe(1)
  store.set(a, b)
  await watch.advanceUntil('changed')
  expect(watch.events.types).toEqual(['attempt', 'changed'])
})
