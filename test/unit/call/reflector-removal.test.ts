import { expect, test } from 'vitest'
import { Failure } from '../../../src/sources/failure.ts'
import { idle } from '../../support/clock.ts'
import { followFake, outcome } from '../../support/fake-watch.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'
const c = '10.0.0.3:6443'

test('Reflector reads the list once more before it removes an address', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(2999)
  expect(events.types).toEqual(['held'])
  await clock.advance(1)
  expect(events.types).toEqual(['held', 'attempt', 'changed'])
  expect(events.of('changed')).toMatchObject([{ removed: [b] }])
  expect(etcd.watches).toBe(1)
  await watch.close()
})

test('Reflector does not remove an address that is back, when the stream has not delivered that', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(1000)
  for (const stream of etcd.streams) stream.send = () => {}
  etcd.putList(a, b)
  await clock.advance(10_000)
  expect(events.of('changed')).toEqual([])
  await watch.close()
})

test('Reflector does not remove an address that came back while the process was stopped', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(1000)
  etcd.latencyMs = 6000
  etcd.putList(a, b) // This change arrives after 3 s, and the process handles it after the timer of the removal.
  etcd.latencyMs = 0
  await clock.standStill(4000)
  await clock.advance(10_000)
  expect(events.types).toEqual(['held', 'attempt'])
  await watch.close()
})

test('Reflector publishes no removal between two changes that arrive together after the process was stopped', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(1000)
  etcd.putList(a, c)
  etcd.putList(a, b, c)
  await clock.standStill(4000)
  await clock.advance(10_000)
  expect(events.of('changed')).toMatchObject([{ added: [c], removed: [] }])
  await watch.close()
})

test('Reflector does not remove an address whose return arrives right after the response to the last read', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.latencyMs = 10
  etcd.putList(a)
  await clock.advance(3011) // The read before the removal has begun at 3005 ms, and etcd has answered it at 3010 ms.
  etcd.putList(a, b)
  await clock.standStill(4000)
  await clock.advance(10_000)
  expect(events.of('changed')).toEqual([])
  await watch.close()
})

test('Reflector starts a removal again when the read before it shows that the stream has missed changes', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(1000)
  for (const stream of etcd.streams) stream.send = () => {}
  await clock.advance(1900)
  etcd.putList(a, b)
  etcd.putList(a) // The address was back 100 ms before its removal was due, and the watch has not seen that.
  await clock.advance(3099)
  expect(events.of('changed')).toEqual([])
  expect(events.of('held')).toMatchObject([{ missing: [b] }, { missing: [b], untilMs: 3000 }])
  await clock.advance(1)
  expect(events.of('changed')).toMatchObject([{ removed: [b] }])
  await watch.close()
})

test.each([
  ['written', JSON.stringify([a, c])],
  ['written and then emptied', '[]'],
])('Reflector starts a removal again when the list was %s while etcd could not be reached', async (_title, last) => {
  const { etcd, watch, events, clock } = await followFake([a, b, c])
  etcd.putList(a, c)
  await clock.advance(1000)
  etcd.fault = new Failure('unreachable', 'refused')
  await clock.advance(60_000)
  etcd.putList(a, b, c)
  etcd.put(last)
  etcd.fault = undefined
  while (events.of('connected').length === 0) await clock.advance(1)
  await clock.advance(2999)
  expect(events.of('changed')).toEqual([])
  await clock.advance(1)
  expect(events.of('changed')).toMatchObject([{ removed: [b] }])
  await watch.close()
})

test('Reflector removes an address that is missing although the key was deleted, when its delay is over', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(1000)
  etcd.del()
  etcd.bump(5n) // Other keys were written.
  await clock.advance(2000)
  expect(events.of('changed')).toMatchObject([{ removed: [b] }])
  await watch.close()
})

test('Reflector keeps an address that is due for removal until a read has succeeded', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(1000)
  etcd.fault = new Failure('unreachable', 'refused')
  await clock.advance(60_000)
  expect(events.types.slice(0, 4)).toEqual(['held', 'attempt', 'disconnected', 'phase'])
  expect(events.of('changed')).toEqual([])
  etcd.fault = undefined
  await clock.advance(2000)
  expect(events.types.slice(-3)).toEqual(['attempt', 'changed', 'connected'])
  await watch.close()
})

test('Reflector removes a missing address with shrinkDelayMs 0 together with what is added, without another read', async () => {
  const { etcd, watch, events } = await followFake([a, b], { shrinkDelayMs: 0 })
  const next = outcome(watch.next())
  etcd.putList(a, c)
  await idle()
  expect(next.is).toMatchObject({ addresses: [a, c], added: [c], removed: [b] })
  expect(events.types).toEqual(['changed'])
  await watch.close()
})
