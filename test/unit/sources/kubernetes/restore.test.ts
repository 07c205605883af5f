import { expect, test } from 'vitest'
import { VirtualWatch } from '../../../support/kubernetes/follow.ts'
import { startNode } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'

expectNoLeaks()

const [a, b, c, d] = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] as const
const at = (...hosts: string[]) => hosts.map((host) => `${host}:6443`)

/** Starts a watch whose list was [a] at the saved version 101, and is [a, b] at version 102 now. */
async function follow() {
  const { apiserver, options } = await startNode()
  const { store } = apiserver
  store.set(a)
  const restore = store.save()
  store.set(a, b)
  const watch = new VirtualWatch({ ...options, shrinkDelayMs: 0, attemptTimeoutMs: 3_600_000 })
  expect((await watch.start()).addresses).toEqual(at(a, b))
  await expect.poll(() => apiserver.watches).toBe(1)
  return { apiserver, store, watch, restore }
}

test('watch finds a restored store under its watch, which is silent, and is pushed changes again', async () => {
  const { apiserver, store, watch, restore } = await follow()
  restore()
  await watch.advanceUntil('resynced')
  expect(watch.clock.now()).toBeLessThanOrEqual(90_000)
  await watch.advanceUntil('changed')
  expect(watch.events.of('changed')).toMatchObject([{ addresses: at(a), revision: '101' }])
  await expect.poll(() => apiserver.requests.at(-1)).toBe('watch 101')
  watch.events.clear()
  store.set(a, c)
  await watch.events.until('changed', ({ added, revision }) => added.join() === at(c).join() && revision === '102')
  expect(watch.events.types).toEqual(['changed'])
})

test('watch finds a restored store that has given out the same version for another list', async () => {
  const { store, watch, restore } = await follow()
  restore()
  store.set(a, d)
  await watch.advanceUntil('resynced')
  await watch.advanceUntil('changed')
  expect(watch.events.of('changed')).toMatchObject([{ addresses: at(a, d), revision: '102' }])
})

test('watch corrects its list after a restored store that has passed the old version', async () => {
  const { store, watch, restore } = await follow()
  restore()
  store.bump(50)
  store.set(a, d)
  await watch.events.until('changed')
  expect(watch.events.of('changed')).toMatchObject([{ addresses: at(a, d), revision: '152' }])
})

test('watch emits resynced and no change after a restored store with the same list', async () => {
  const { apiserver, store, watch } = await follow()
  const restore = store.save()
  store.bump(10)
  await watch.advanceUntil('attempt')
  await expect.poll(() => apiserver.lists).toBe(2)
  restore()
  await watch.advanceUntil('resynced')
  await watch.advance(100_000)
  expect(new Set(watch.events.types)).toEqual(new Set(['attempt', 'resynced']))
})

test('resolve follows a restored store while it waits for more addresses', async () => {
  const { apiserver, options } = await startNode()
  const { store } = apiserver
  store.set(a)
  const restore = store.save()
  store.bump(100)
  store.set(a, b)
  const watch = new VirtualWatch({ ...options, minAddresses: 3, attemptTimeoutMs: 3_600_000 })
  const first = watch.watch.next()
  await watch.events.until('retry')
  await expect.poll(() => apiserver.watches).toBe(1)
  restore()
  await apiserver.kill()
  await apiserver.start()
  await watch.advance(5000)
  await expect.poll(() => apiserver.watches).toBe(1)
  store.set(b, c, d)
  expect((await first).value).toMatchObject({ addresses: at(b, c, d), revision: '102' })
})

test('watch keeps its revision from falling when EndpointSlices are deleted and created one after the other', async () => {
  const { store, watch } = await follow()
  store.setSlice('second', { addresses: [c] })
  await watch.events.until('changed', ({ revision }) => revision === '103')
  store.deleteSlice('second')
  await watch.events.until('changed', ({ revision }) => revision === '104')
  await watch.advance(200_000)
  store.deleteSlice('kubernetes')
  await watch.events.until('ignored', ({ revision }) => revision === '105')
  store.set(a, b)
  store.setSlice('second', { addresses: [d] })
  await watch.events.until('changed', ({ added, revision }) => added.join() === at(d).join() && revision === '107')
  expect(watch.events.of('resynced')).toEqual([])
})

test('watch emits changed, and not resynced, when an EndpointSlice was deleted during an outage', async () => {
  const { apiserver, store, watch } = await follow()
  store.setSlice('second', { addresses: [c] })
  store.set(a, b, d)
  await watch.events.until('changed', ({ revision }) => revision === '104')
  watch.events.clear()
  await apiserver.kill()
  store.deleteSlice('second')
  await apiserver.start()
  await watch.advanceUntil('changed')
  expect(watch.events.of('changed')).toMatchObject([{ addresses: at(a, b, d), removed: at(c), revision: '105' }])
  expect(watch.events.of('resynced')).toEqual([])
})

test('watch emits no resynced when a bookmark overtakes the answer to a list after an EndpointSlice was deleted', async () => {
  const { apiserver, store, watch } = await follow()
  store.setSlice('second', { addresses: [c] })
  store.deleteSlice('second')
  await watch.events.until('changed', ({ revision }) => revision === '104')
  watch.events.clear()
  const answer = Promise.withResolvers<void>()
  store.bump(10)
  apiserver.fault = { status: 200, body: apiserver.listBody(), only: 'list', once: true, until: answer.promise }
  await watch.advanceUntil('attempt')
  await expect.poll(() => apiserver.lists).toBe(2)
  store.bump(5)
  apiserver.bookmark()
  await watch.advance(0)
  answer.resolve()
  await watch.advance(100_000)
  expect(apiserver.lists).toBe(3)
  store.set(a, b, d)
  await watch.events.until('changed')
  expect(watch.events.types).toEqual(['attempt', 'attempt', 'changed'])
})
