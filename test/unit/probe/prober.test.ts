import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import type { ResolveOptions } from '../../../src/index.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { FakeApiservers } from '../../support/fake-apiservers.ts'
import { Recorder } from '../../support/recorder.ts'
import { SourceTraits } from '../../support/source-traits.ts'

function createProber(options: ResolveOptions = {}) {
  const clock = new VirtualClock()
  const apiservers = new FakeApiservers(clock)
  const { all: events, emitter } = new Recorder()
  const config = parseOptions({ probe: 'tcp', ...options, events: emitter }, 'resolve')
  const source = new SourceTraits(options.dataDir)
  const call = new Call(config, clock, source)
  return { clock, apiservers, events, call, prober: new Prober(config, source, clock, apiservers.probe) }
}

test('Prober returns and emits a state and a latency for each address, and a cause for each dead one', async () => {
  const { clock, apiservers, call, prober, events } = createProber()
  apiservers.states.set('b:1', 'dead').set('c:1', 'silent')
  apiservers.latencyMs = 30
  const round = prober.probe(['a:1', 'b:1', 'c:1'], call)
  await clock.advance(2000)
  const expected = [
    { address: 'a:1', state: 'alive', latencyMs: 30 },
    { address: 'b:1', state: 'dead', latencyMs: 30, cause: 'refused' },
    { address: 'c:1', state: 'dead', latencyMs: 2000, cause: 'no answer (2 s)' },
  ]
  expect(await round).toEqual(expected)
  expect(events).toEqual([{ type: 'probed', probes: expected }])
  expect([clock.sleeping, apiservers.running]).toEqual([0, 0])
})

test.each(['tls', 'readyz'] as const)('Prober emits why a %s probe verifies no certificate', async (probe) => {
  const { call, prober, events } = createProber({ probe, dataDir: '/nowhere' })
  expect(await prober.probe(['a:1'], call)).toMatchObject([{ state: 'alive', verified: false }])
  expect(events).toMatchObject([
    {
      type: 'probed',
      unverified: expect.stringMatching(/^\/nowhere\/server\/tls\/server-ca\.crt cannot be used: ENOENT/),
    },
  ])
})

test('Prober probes each address once, and at most eight at the same time', async () => {
  const state = fc.constantFrom('alive' as const, 'dead' as const, 'silent' as const)
  await fc.assert(
    fc.asyncProperty(fc.array(state, { minLength: 1, maxLength: 40 }), async (states) => {
      const { clock, apiservers, call, prober } = createProber()
      apiservers.latencyMs = 10
      const addresses = states.map((_, i) => `${i}:1`)
      for (const [i, each] of states.entries()) apiservers.states.set(`${i}:1`, each)
      const round = prober.probe(addresses, call)
      await clock.advance(Math.ceil(states.length / 8) * 2000)
      const result = await round
      expect(result.map(({ address }) => address)).toEqual(addresses)
      expect(result.map((each) => each.state)).toEqual(states.map((each) => (each === 'alive' ? 'alive' : 'dead')))
      expect(apiservers.mostRunning).toBeLessThanOrEqual(8)
      expect(apiservers.probed.toSorted()).toEqual(addresses.toSorted())
    }),
    { numRuns: 50 },
  )
})

test('Prober rejects at once when the call is stopped, starts no further probe and emits nothing', async () => {
  const { clock, apiservers, call, prober, events } = createProber()
  const addresses = Array.from({ length: 20 }, (_, i) => `${i}:1`)
  for (const address of addresses) apiservers.states.set(address, 'silent')
  const round = prober.probe(addresses, call)
  await idle()
  call.stop('enough')
  await expect(round).rejects.toBe('enough')
  await idle()
  expect([clock.sleeping, apiservers.running, apiservers.probed.length, events]).toEqual([0, 0, 8, []])
})

test('Prober probes an address again that seemed dead when the process was stopped during its probe', async () => {
  const { clock, apiservers, call, prober } = createProber()
  apiservers.states.set('a:1', 'silent').set('b:1', 'silent')
  const round = prober.probe(['a:1', 'b:1'], call)
  await clock.advance(100)
  apiservers.states.delete('a:1')
  await clock.standStill(5000)
  await clock.advance(2000)
  expect(await round).toMatchObject([
    { address: 'a:1', state: 'alive' },
    { address: 'b:1', state: 'dead', latencyMs: 2000, cause: 'no answer (2 s)' },
  ])
  expect(apiservers.probed).toEqual(['a:1', 'b:1', 'a:1', 'b:1'])
})

test('Prober probes an address again that seemed dead shortly after the process was stopped', async () => {
  const { clock, apiservers, call, prober } = createProber()
  apiservers.states.set('a:1', 'silent')
  const round = prober.probe(['a:1'], call)
  await clock.advance(300)
  await clock.standStill(1500)
  apiservers.states.delete('a:1')
  await clock.advance(200)
  expect(await round).toMatchObject([{ address: 'a:1', state: 'alive' }])
})

test('Prober calls an address dead after three probes although the process is stopped during each of them', async () => {
  const { clock, apiservers, call, prober } = createProber()
  apiservers.states.set('a:1', 'silent')
  const round = prober.probe(['a:1'], call)
  await clock.advance(1)
  for (let i = 0; i < 3; i++) await clock.standStill(5000)
  expect(await round).toMatchObject([{ address: 'a:1', state: 'dead' }])
  expect(apiservers.probed).toHaveLength(3)
  expect(clock.sleeping).toBe(0)
})
