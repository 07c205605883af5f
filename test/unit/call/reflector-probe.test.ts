import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { Watch } from '../../../src/watch.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { FakeApiservers } from '../../support/fake-apiservers.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { Recorder } from '../../support/recorder.ts'

/** Returns a watch that probes, of this first list. All apiservers are alive until the test sets another state. */
function watchProbed(list: string) {
  const clock = new VirtualClock()
  const source = new FakeSource()
  source.write(list)
  const apiservers = new FakeApiservers(clock)
  const events = new Recorder()
  const config = parseOptions({ probe: 'tcp', events: events.emitter }, 'watch')
  const watch = new Watch(config, clock, source, apiservers.probe)
  return { clock, source, apiservers, events, watch }
}

test('Reflector publishes a change when an apiserver dies and when it is alive again', async () => {
  const { clock, apiservers, events, watch } = watchProbed('["a:1","b:1"]')
  expect((await watch.next()).value).toMatchObject({ addresses: ['a:1', 'b:1'], added: ['a:1', 'b:1'] })
  apiservers.states.set('a:1', 'dead')
  const died = watch.next()
  await clock.advance(12_500)
  expect((await died).value).toMatchObject({
    addresses: ['b:1', 'a:1'],
    urls: ['https://b:1', 'https://a:1'],
    probes: [{ state: 'alive' }, { state: 'dead', cause: 'refused' }],
    added: [],
    removed: [],
  })
  apiservers.states.clear()
  const recovered = watch.next()
  await clock.advance(12_500)
  expect((await recovered).value).toMatchObject({ addresses: ['a:1', 'b:1'], added: [], removed: [] })
  expect(events.of('changed')).toHaveLength(2)
  await watch.close()
  expect(clock.sleeping).toBe(0)
})

test('Reflector emits every round of probes, and publishes nothing while no state changes', async () => {
  const { clock, apiservers, events, watch } = watchProbed('["a:1"]')
  await watch.next()
  let yielded = 0
  void watch.next().then(({ done }) => (yielded += done === true ? 0 : 1))
  apiservers.latencyMs = 5
  await clock.advance(125_000)
  expect(yielded).toBe(0)
  expect(events.of('probed').length).toBeGreaterThanOrEqual(10)
  expect(events.of('probed').length).toBeLessThanOrEqual(17)
  await watch.close()
})

test('Reflector publishes and probes a new address at once, and lists it before dead ones until it was probed', async () => {
  const { clock, source, apiservers, watch } = watchProbed('["a:1","c:1"]')
  apiservers.states.set('a:1', 'dead')
  await watch.next()
  apiservers.latencyMs = 50
  source.write('["a:1","b:1","c:1"]')
  const added = watch.next()
  await idle()
  expect((await added).value).toMatchObject({
    addresses: ['c:1', 'b:1', 'a:1'],
    probes: [{ address: 'c:1' }, { address: 'a:1' }],
    added: ['b:1'],
  })
  const probed = watch.next()
  await clock.advance(50)
  expect((await probed).value).toMatchObject({ addresses: ['b:1', 'c:1', 'a:1'], added: [], removed: [] })
  await watch.close()
})

test('Reflector goes on probing during an outage of the source', async () => {
  const { clock, source, apiservers, events, watch } = watchProbed('["a:1","b:1"]')
  await watch.next()
  source.fail(new Failure('unreachable', 'refused'))
  source.cut()
  apiservers.states.set('a:1', 'dead')
  const next = watch.next()
  await clock.advance(12_500)
  expect((await next).value).toMatchObject({ addresses: ['b:1', 'a:1'] })
  expect(events.of('probed').length).toBeGreaterThan(1)
  await watch.close()
  expect(clock.sleeping).toBe(0)
})

test('Reflector keeps the whole list when every address is dead', async () => {
  const { clock, apiservers, watch } = watchProbed('["a:1","b:1"]')
  await watch.next()
  apiservers.states.set('a:1', 'dead').set('b:1', 'dead')
  const next = watch.next()
  await clock.advance(12_500)
  expect((await next).value).toMatchObject({ addresses: ['a:1', 'b:1'], added: [], removed: [] })
  await watch.close()
})

test('Reflector ends its probes at once when the watch is closed', async () => {
  const { clock, apiservers, watch } = watchProbed('["a:1"]')
  await watch.next()
  apiservers.states.set('a:1', 'silent')
  await clock.advance(10_500)
  expect(apiservers.running).toBe(1)
  await watch.close()
  await idle()
  expect([clock.sleeping, apiservers.running]).toEqual([0, 0])
})

test('Reflector forgets the probe of an address that was removed, also if the address comes back before the next round', async () => {
  const { clock, source, apiservers, events, watch } = watchProbed('["a:1","b:1"]')
  await watch.next()
  await idle()
  source.write('["a:1"]')
  await clock.advance(4000)
  apiservers.states.set('b:1', 'silent')
  source.write('["a:1","b:1"]')
  await idle()
  expect(events.of('changed').map(({ added, removed }) => [added, removed])).toEqual([
    [[], ['b:1']],
    [['b:1'], []],
  ])
  expect(events.of('changed').at(-1)?.probes).toMatchObject([{ address: 'a:1' }])
  await watch.close()
})
