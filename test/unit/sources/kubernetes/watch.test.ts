import { expect, test } from 'vitest'
import { statusBody } from '../../../support/kubernetes/fake-apiserver.ts'
import type { Fault } from '../../../support/kubernetes/fake-apiserver.ts'
import { startNode } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { ObservedWatch } from '../../../support/observed-watch.ts'

expectNoLeaks()

const [a, b, c] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const
const retry = { initialDelayMs: 1, maxDelayMs: 10 }
const tooOld = { status: 410, body: statusBody(410, 'too old resource version'), only: 'watch' } as const
const expired = `{"type":"ERROR","object":${tooOld.body}}\n`

/** Starts a watch that has the first list, which is [a]. */
async function follow(more: object = {}) {
  const { apiserver, options } = await startNode()
  apiserver.store.set(a)
  const watch = new ObservedWatch({ ...options, retry, ...more })
  expect(await watch.start()).toMatchObject({ addresses: [`${a}:6443`], revision: '101' })
  await expect.poll(() => apiserver.watches).toBe(1)
  return { apiserver, store: apiserver.store, watch }
}

test('watch yields changes that are pushed, with the version of the event as revision', async () => {
  const { store, watch } = await follow({ shrinkDelayMs: 0 })
  store.bump(10)
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`], removed: [], revision: '112' })
  store.setSlice('second', { addresses: [c] })
  expect(await watch.next()).toMatchObject({ added: [`${c}:6443`], revision: '113' })
  store.deleteSlice('second')
  expect(await watch.next()).toMatchObject({ removed: [`${c}:6443`], revision: '114' })
})

test('watch resumes a stream that ends by time from the last version, without an event', async () => {
  const { apiserver, store, watch } = await follow()
  store.bump(5)
  apiserver.bookmark()
  apiserver.endWatches()
  await expect.poll(() => apiserver.requests).toEqual(['list', 'watch 101', 'watch 106'])
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`] })
  expect(watch.events.types).toEqual(['changed'])
  expect(apiserver.connections).toBe(1)
})

test('watch lists again over a new connection after GOAWAY, without disconnected', async () => {
  const { apiserver, store, watch } = await follow()
  apiserver.goaway()
  await watch.events.until('attempt')
  await expect.poll(() => apiserver.requests).toEqual(['list', 'watch 101', 'list', 'watch 101'])
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`] })
  expect(watch.events.types).toEqual(['attempt', 'changed'])
  expect(apiserver.connections).toBe(2)
})

test('watch lists again when its version is too old, without disconnected', async () => {
  const { apiserver, store, watch } = await follow()
  store.bump(10)
  store.compact()
  apiserver.endWatches()
  await expect.poll(() => apiserver.requests).toEqual(['list', 'watch 101', 'watch 101', 'list', 'watch 111'])
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`] })
  expect(watch.events.types).toEqual(['attempt', 'changed'])
})

test('watch lists again when the apiserver answers its watch with the status 410, without disconnected', async () => {
  const { apiserver, store, watch } = await follow()
  apiserver.fault = { ...tooOld, once: true }
  apiserver.endWatches()
  await expect.poll(() => apiserver.requests).toEqual(['list', 'watch 101', 'watch 101', 'list', 'watch 101'])
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`] })
  expect(watch.events.types).toEqual(['attempt', 'changed'])
  expect(apiserver.connections).toBe(1)
})

test.each([
  ['a line that is no JSON', 'rubbish\n', /an event that is no JSON/],
  ['an event about another kind', '{"type":"ADDED","object":{"kind":"Pod"}}\n', /an event about Pod/],
  ['an event of another type', eventOf('RENAMED'), /an event of the type RENAMED/],
  [
    'a slice without a version',
    eventOf('ADDED', { resourceVersion: 'x' }),
    /an EndpointSlice without a name or a version/,
  ],
  [
    'an error',
    '{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd"}}\n',
    /ended the watch \(500: etcd\)/,
  ],
  ['an event of more than 8 MiB', Buffer.alloc(9 << 20, 32), /more than 8388608 bytes/],
])('watch reconnects after %s, and keeps its list', async (_title, text, message) => {
  const { apiserver, store, watch } = await follow()
  apiserver.writeToWatches(text)
  const { error } = await watch.events.until('disconnected')
  expect(error.message).toMatch(message)
  await watch.events.until('connected')
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`], removed: [] })
})

function eventOf(type: string, metadata: object = {}): string {
  const object = { kind: 'EndpointSlice', metadata: { name: 'x', resourceVersion: '999', ...metadata } }
  return `${JSON.stringify({ type, object })}\n`
}

test('watch reconnects to an apiserver that was killed and started again, and has missed nothing', async () => {
  const { apiserver, store, watch } = await follow()
  await apiserver.kill()
  const { error } = await watch.events.until('disconnected')
  expect(error.message).toMatch(/the connection to the apiserver was lost/)
  store.set(a, b)
  await apiserver.start()
  await watch.events.until('connected')
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`], revision: '102' })
})

test('watch polls with the backoff where the apiserver refuses watches', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set(a)
  apiserver.fault = { status: 403, body: statusBody(403, 'cannot watch'), only: 'watch' }
  const watch = new ObservedWatch({ ...options, retry })
  expect(await watch.next()).toMatchObject({ addresses: [`${a}:6443`] })
  const { reason, error } = await watch.events.until('retry')
  expect([reason, error.message]).toEqual(['permission-denied', expect.stringContaining('cannot watch')])
  apiserver.store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`] })
})

test.each<[answer: string, fault: Fault]>([
  ['an empty stream', { status: 200, body: '', only: 'watch' }],
  ['the event 410', { status: 200, body: expired, only: 'watch' }],
  ['the status 410', tooOld],
])('watch pauses by the backoff when the apiserver answers each watch with %s', async (_answer, fault) => {
  const { apiserver, watch } = await follow()
  apiserver.fault = fault
  apiserver.endWatches()
  const { error } = await watch.events.until('disconnected')
  expect(error).toMatchObject({ reason: 'unavailable', message: 'the apiserver ends each watch at once' })
  expect((await watch.events.until('retry')).delayMs).toBeGreaterThan(0)
  apiserver.fault = undefined
  await watch.events.until('connected')
})

test('watch follows a restored snapshot whose versions are given out again, and emits resynced', async () => {
  const { apiserver, store, watch } = await follow({ shrinkDelayMs: 0 })
  const restore = store.save()
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`], revision: '102' })
  await apiserver.kill()
  restore()
  await apiserver.start()
  const { revision } = await watch.events.until('resynced')
  expect(revision).toBe('101')
  expect(await watch.next()).toMatchObject({ addresses: [`${a}:6443`], removed: [`${b}:6443`], revision: '101' })
  await watch.events.until('connected', (event) => event.revision === '101')
  store.set(a, c)
  expect(await watch.next()).toMatchObject({ added: [`${c}:6443`], revision: '102' })
})

test('watch keeps the revision from falling when the newest EndpointSlice is deleted while it is not connected', async () => {
  const { apiserver, store, watch } = await follow({ shrinkDelayMs: 0 })
  store.setSlice('second', { addresses: [b] })
  expect(await watch.next()).toMatchObject({ revision: '102' })
  await apiserver.kill()
  store.deleteSlice('second')
  store.bump(3)
  await apiserver.start()
  expect(await watch.next()).toMatchObject({ addresses: [`${a}:6443`], revision: '106' })
  expect(watch.events.types).not.toContain('resynced')
})

test('watch keeps its list while there is no EndpointSlice', async () => {
  const { store, watch } = await follow({ shrinkDelayMs: 0 })
  store.deleteSlice('kubernetes')
  expect(await watch.events.until('ignored')).toMatchObject({ reason: 'not-set', revision: '102' })
  store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`], removed: [] })
})
