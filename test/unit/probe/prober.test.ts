import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import type { ResolveOptions, WatchOptions } from '../../../src/index.ts'
import type { ProbeTarget } from '../../../src/probe/probe.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { resolve } from '../../../src/resolve.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { Watch } from '../../../src/watch.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { Recorder } from '../../support/recorder.ts'
import { FakeSource } from '../../support/source.ts'

/** Servers that are alive, dead or silent, as the test says; alive if it says nothing. */
class Servers {
  readonly states = new Map<string, 'alive' | 'dead' | 'silent'>()
  asked: string[] = []
  pending = 0
  most = 0
  /** Milliseconds to an answer. */
  latencyMs = 0
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  readonly probe = async ({ address }: ProbeTarget, signal: AbortSignal): Promise<void> => {
    this.asked.push(address)
    this.most = Math.max(this.most, ++this.pending)
    try {
      const silent = this.states.get(address) === 'silent'
      if (silent || this.latencyMs > 0) await this.#clock.sleep(silent ? Infinity : this.latencyMs, signal)
      if (this.states.get(address) === 'dead') throw new Error('refused')
    } catch (error) {
      throw signal.aborted ? new Error('no answer') : error
    } finally {
      this.pending--
    }
  }
}

function prober(options: ResolveOptions = {}) {
  const clock = new VirtualClock()
  const servers = new Servers(clock)
  const { all: events, emitter } = new Recorder()
  const config = parseOptions({ probe: 'tcp', ...options, events: emitter }, 'resolve')
  const call = new Call(config, clock)
  return { clock, servers, events, call, prober: new Prober(config, clock, servers.probe) }
}

describe('a round of probes', () => {
  test('gives every address a state, a latency and, where it is dead, a cause', async () => {
    const { clock, servers, call, prober: probes, events } = prober()
    servers.states.set('b:1', 'dead').set('c:1', 'silent')
    servers.latencyMs = 30
    const round = probes.probe(['a:1', 'b:1', 'c:1'], call)
    await clock.advance(2000)
    const expected = [
      { address: 'a:1', state: 'alive', latencyMs: 30 },
      { address: 'b:1', state: 'dead', latencyMs: 30, cause: 'refused' },
      { address: 'c:1', state: 'dead', latencyMs: 2000, cause: 'no answer (2 s)' },
    ]
    expect(await round).toEqual(expected)
    expect(events).toEqual([{ type: 'probed', probes: expected }])
    expect([clock.sleeping, servers.pending]).toEqual([0, 0])
  })

  test.each(['tls', 'readyz'] as const)('of kind %s says why no certificate is checked', async (probe) => {
    const { call, prober: probes, events } = prober({ probe, dataDir: '/nowhere' })
    expect(await probes.probe(['a:1'], call)).toMatchObject([{ state: 'alive', verified: false }])
    expect(events).toMatchObject([
      {
        type: 'probed',
        unverified: expect.stringMatching(/^\/nowhere\/server\/tls\/server-ca\.crt cannot be used: ENOENT/),
      },
    ])
  })

  test('has eight of them at a time, whatever they come to, and asks each address once', async () => {
    const state = fc.constantFrom('alive' as const, 'dead' as const, 'silent' as const)
    await fc.assert(
      fc.asyncProperty(fc.array(state, { minLength: 1, maxLength: 40 }), async (states) => {
        const { clock, servers, call, prober: probes } = prober()
        servers.latencyMs = 10
        const addresses = states.map((_, n) => `${n}:1`)
        for (const [n, each] of states.entries()) servers.states.set(`${n}:1`, each)
        const round = probes.probe(addresses, call)
        await clock.advance(Math.ceil(states.length / 8) * 2000)
        const result = await round
        expect(result.map(({ address }) => address)).toEqual(addresses)
        expect(result.map((each) => each.state)).toEqual(states.map((each) => (each === 'alive' ? 'alive' : 'dead')))
        expect(servers.most).toBeLessThanOrEqual(8)
        expect(servers.asked.toSorted()).toEqual(addresses.toSorted())
      }),
      { numRuns: 50 },
    )
  })

  test('ends at once with the session, whatever is under way', async () => {
    const { clock, servers, call, prober: probes, events } = prober()
    const addresses = Array.from({ length: 20 }, (_, n) => `${n}:1`)
    for (const address of addresses) servers.states.set(address, 'silent')
    const round = probes.probe(addresses, call)
    await idle()
    call.stop('enough')
    await expect(round).rejects.toBe('enough')
    await idle()
    expect([clock.sleeping, servers.pending, servers.asked.length, events]).toEqual([0, 0, 8, []])
  })
})

/** A call on a key and servers that the test controls, in time that the test lets pass. */
function start(options: ResolveOptions = {}) {
  const clock = new VirtualClock()
  const servers = new Servers(clock)
  const source = new FakeSource()
  const events = new Recorder()
  const config = parseOptions({ probe: 'tcp', ...options, events: events.emitter }, 'resolve')
  const begin = () => {
    const call = resolve(config, clock, source.asSource(), servers.probe)
    call.catch(() => {})
    return call
  }
  return { clock, servers, source, events, begin }
}
const rounds = (events: Recorder) => events.of('probed').length

describe('one list', () => {
  test('has its dead at the end, in addresses, urls and probes alike', async () => {
    const { servers, source, begin } = start()
    source.write('["a:1","b:1","c:1"]')
    servers.states.set('a:1', 'dead')
    const { addresses, urls, probes } = await begin()
    expect(addresses).toEqual(['b:1', 'c:1', 'a:1'])
    expect(urls).toEqual(['https://b:1', 'https://c:1', 'https://a:1'])
    expect(probes?.map(({ address, state }) => `${address} ${state}`)).toEqual(['b:1 alive', 'c:1 alive', 'a:1 dead'])
  })

  test('waits for as many alive as it must have, and asks them again with the backoff, but not etcd', async () => {
    const { clock, servers, source, events, begin } = start({ minAddresses: 2 })
    source.write('["a:1","b:1"]')
    servers.states.set('b:1', 'dead')
    const call = begin()
    await idle()
    expect(events.of('phase')).toMatchObject([
      {
        reason: 'incomplete',
        message: expect.stringContaining('has 1 of at least 2 addresses alive: b:1 is dead (refused)'),
      },
    ])
    for (let n = 0; n < 20; n++) {
      await clock.next()
      await idle()
    }
    expect(
      events
        .of('retry')
        .map(({ delayMs }) => delayMs)
        .slice(0, 6),
    ).toEqual([188, 375, 750, 1425, 1425, 1425])
    expect(rounds(events)).toBe(21)
    expect([source.reads, source.watches]).toEqual([1, 1])
    servers.states.delete('b:1')
    const before = clock.now()
    await clock.next()
    expect(await call).toMatchObject({ addresses: ['a:1', 'b:1'], attempts: 1 })
    expect(clock.now() - before).toBeLessThanOrEqual(2000)
    await idle()
    expect([clock.sleeping, source.closed, source.watching]).toEqual([0, true, 0])
  })

  test('reads etcd again all the same after a minute or more, and when attempts are counted', async () => {
    const patient = start({ minAddresses: 2 })
    patient.source.write('["a:1"]')
    patient.source.write('["a:1","b:1"]')
    patient.servers.states.set('b:1', 'dead')
    void patient.begin()
    await idle()
    while (patient.clock.now() < 95_000) {
      await patient.clock.next()
      await idle()
    }
    expect(patient.source.reads).toBe(2)

    const counted = start({ minAddresses: 2, retry: { maxAttempts: 3 } })
    counted.source.write('["a:1","b:1"]')
    counted.servers.states.set('b:1', 'dead')
    const call = counted.begin()
    for (let n = 0; n < 3; n++) {
      await idle()
      await counted.clock.next()
    }
    await expect(call).rejects.toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'incomplete', attempts: 3 })
  })

  test('is not given for an expected server that is dead, which every event names', async () => {
    const { clock, servers, source, events, begin } = start({ expect: ['b'], timeoutMs: 60_000 })
    source.write('["a:1","b:1"]')
    servers.states.set('b:1', 'dead')
    const call = begin()
    await idle()
    expect([events.of('phase')[0]?.missing, events.of('retry')[0]?.missing]).toEqual([['b'], ['b']])
    while (clock.now() < 60_000) {
      await clock.next()
      await idle()
    }
    await expect(call).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'incomplete',
      message: expect.stringContaining('the list lacks b alive: b:1 is dead (refused)'),
    })
  })

  test('that is not complete, or has not settled, is not probed', async () => {
    const { clock, source, events, begin } = start({ minAddresses: 2, settleMs: 3000 })
    source.write('["a:1"]')
    const call = begin()
    await clock.advance(1000)
    source.write('["a:1","b:1"]')
    await clock.advance(2999)
    expect(rounds(events)).toBe(0)
    await clock.advance(1)
    expect(await call).toMatchObject({ elapsedMs: 4000 })
    expect(rounds(events)).toBe(1)
  })

  test('that changes while it is probed is probed anew, or waited for', async () => {
    const { clock, servers, source, begin, events } = start({ minAddresses: 2 })
    source.write('["a:1"]')
    const call = begin()
    await idle()
    servers.latencyMs = 100
    source.write('["a:1","b:1"]')
    await idle()
    source.write('["b:1"]')
    await clock.advance(100)
    await idle()
    expect(events.of('retry').at(-1)?.error.message).toContain('has 1 of at least 2')
    source.write('["a:1","b:1"]')
    await idle()
    source.write('["b:1","c:1"]')
    await clock.advance(100)
    await idle()
    await clock.advance(100)
    expect(await call).toMatchObject({ addresses: ['b:1', 'c:1'] })
  })

  test('that nobody answers for ends with the deadline, which says so even in the middle of a probe', async () => {
    const { clock, servers, source, begin } = start({ timeoutMs: 1000 })
    source.write('["a:1"]')
    servers.states.set('a:1', 'silent')
    const call = begin()
    await idle()
    await clock.advance(1000)
    await expect(call).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'incomplete',
      message: expect.stringContaining('the list is complete, and its addresses are still being probed'),
    })
    expect([clock.sleeping, servers.pending]).toEqual([0, 0])
  })

  test('that is still probed at the deadline has not been waited for since etcd was away, nor for the same thing', async () => {
    const { clock, servers, source, begin } = start({ timeoutMs: 60_000, dataDir: '/nowhere' })
    source.fail(new Failure('unreachable', 'refused'))
    servers.states.set('a:1', 'silent')
    const call = begin()
    await clock.advance(58_500)
    source.fail(undefined)
    source.write('["a:1"]')
    await clock.advance(1500)
    const error = await call.catch(({ message }: Error) => message)
    expect(error).toMatch(
      /apiservers for the last 0\.0 s: the list is complete, and its addresses are still being probed$/,
    )
  })

  test('ends at once by an abort during a probe', async () => {
    const controller = new AbortController()
    const { clock, servers, source, begin } = start({ signal: controller.signal })
    source.write('["a:1"]')
    servers.states.set('a:1', 'silent')
    const call = begin()
    await idle()
    controller.abort('enough')
    await expect(call).rejects.toBe('enough')
    expect([clock.sleeping, servers.pending, source.closed]).toEqual([0, 0, true])
  })

  test('whatever is dead, is never empty, loses nothing, and has enough alive in front', async () => {
    const server = fc.record({ address: fc.integer({ min: 1, max: 20 }).map((n) => `h${n}:1`), alive: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(server, { minLength: 1, maxLength: 12, selector: ({ address }) => address }),
        fc.integer({ min: 1, max: 4 }),
        async (all, minAddresses) => {
          const { servers, source, begin, events } = start({ minAddresses })
          for (const { address, alive } of all) servers.states.set(address, alive ? 'alive' : 'dead')
          source.write(JSON.stringify(all.map(({ address }) => address)))
          const call = begin()
          await idle()
          const alive = all.filter((each) => each.alive).map(({ address }) => address)
          if (alive.length < minAddresses) {
            expect(events.of('resolved')).toEqual([])
            for (const { address } of all) servers.states.delete(address)
            if (all.length < minAddresses) source.write(JSON.stringify(['h21:1', 'h22:1', 'h23:1', 'h24:1']))
            return
          }
          const { addresses, probes } = await call
          expect(addresses.toSorted()).toEqual(all.map(({ address }) => address).toSorted())
          expect(addresses.slice(0, alive.length)).toEqual(alive.toSorted())
          expect(probes?.map(({ address }) => address)).toEqual(addresses)
        },
      ),
      { numRuns: 100 },
    )
  })
})

/** A watch of a key and servers that the test controls, in time that the test lets pass. */
function follow(options: WatchOptions = {}) {
  const clock = new VirtualClock()
  const source = new FakeSource()
  const servers = new Servers(clock)
  const events = new Recorder()
  const config = parseOptions({ probe: 'tcp', ...options, events: events.emitter }, 'watch')
  const watch = new Watch(config, clock, source.asSource(), servers.probe)
  return { clock, source, servers, events, watch }
}

describe('a watch', () => {
  test('yields when a server dies and when it is alive again', async () => {
    const { clock, source, servers, events, watch } = follow()
    source.write('["a:1","b:1"]')
    expect((await watch.next()).value).toMatchObject({ addresses: ['a:1', 'b:1'], added: ['a:1', 'b:1'] })
    servers.states.set('a:1', 'dead')
    const died = watch.next()
    await clock.advance(12_500)
    expect((await died).value).toMatchObject({
      addresses: ['b:1', 'a:1'],
      urls: ['https://b:1', 'https://a:1'],
      probes: [{ state: 'alive' }, { state: 'dead', cause: 'refused' }],
      added: [],
      removed: [],
    })
    servers.states.clear()
    const back = watch.next()
    await clock.advance(12_500)
    expect((await back).value).toMatchObject({ addresses: ['a:1', 'b:1'], added: [], removed: [] })
    expect(events.of('changed')).toHaveLength(2)
    await watch.close()
    expect(clock.sleeping).toBe(0)
  })

  test('yields nothing as long as nothing changes, and tells of every round', async () => {
    const { clock, source, servers, events, watch } = follow()
    source.write('["a:1"]')
    await watch.next()
    let yields = 0
    void watch.next().then(({ done }) => (yields += done === true ? 0 : 1))
    servers.latencyMs = 5
    await clock.advance(125_000)
    expect(yields).toBe(0)
    expect(rounds(events)).toBeGreaterThanOrEqual(10)
    expect(rounds(events)).toBeLessThanOrEqual(17)
    await watch.close()
  })

  test('tells of a new address at once, probes it at once, and keeps it before the dead until then', async () => {
    const { clock, source, servers, watch } = follow()
    source.write('["a:1","c:1"]')
    servers.states.set('a:1', 'dead')
    await watch.next()
    servers.latencyMs = 50
    source.write('["a:1","b:1","c:1"]')
    const grown = watch.next()
    await idle()
    expect((await grown).value).toMatchObject({
      addresses: ['c:1', 'b:1', 'a:1'],
      probes: [{ address: 'c:1' }, { address: 'a:1' }],
      added: ['b:1'],
    })
    const probed = watch.next()
    await clock.advance(50)
    expect((await probed).value).toMatchObject({ addresses: ['b:1', 'c:1', 'a:1'], added: [], removed: [] })
    await watch.close()
  })

  test('goes on probing while etcd is away', async () => {
    const { clock, source, servers, events, watch } = follow()
    source.write('["a:1","b:1"]')
    await watch.next()
    source.fail(new Failure('unreachable', 'refused'))
    source.cut()
    servers.states.set('a:1', 'dead')
    const next = watch.next()
    await clock.advance(12_500)
    expect((await next).value).toMatchObject({ addresses: ['b:1', 'a:1'] })
    expect(rounds(events)).toBeGreaterThan(1)
    await watch.close()
    expect(clock.sleeping).toBe(0)
  })

  test('keeps the whole list when all are dead', async () => {
    const { clock, source, servers, watch } = follow()
    source.write('["a:1","b:1"]')
    await watch.next()
    servers.states.set('a:1', 'dead').set('b:1', 'dead')
    const next = watch.next()
    await clock.advance(12_500)
    expect((await next).value).toMatchObject({ addresses: ['a:1', 'b:1'], added: [], removed: [] })
    await watch.close()
  })

  test('that is closed in the middle of a probe ends at once', async () => {
    const { clock, source, servers, watch } = follow()
    source.write('["a:1"]')
    await watch.next()
    servers.states.set('a:1', 'silent')
    await clock.advance(10_500)
    expect(servers.pending).toBe(1)
    await watch.close()
    await idle()
    expect([clock.sleeping, servers.pending]).toEqual([0, 0])
  })
})
