import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idle } from '../../support/clock.ts'
import { resolveFake } from '../../support/resolving.ts'

type Fakes = ReturnType<typeof resolveFake>

const rounds = ({ events }: Fakes) => events.of('probed').length

/** Ends the next sleep of the call, and lets the call go on. */
async function untilNextSleep({ clock }: Fakes): Promise<void> {
  await clock.next()
  await idle()
}

test('waitForList returns dead addresses last in addresses, urls and probes', async () => {
  const { result } = resolveFake({ probe: 'tcp' }, ({ source, apiservers }) => {
    source.write('["a:1","b:1","c:1"]')
    apiservers.states.set('a:1', 'dead')
  })
  const { addresses, urls, probes } = await result
  expect(addresses).toEqual(['b:1', 'c:1', 'a:1'])
  expect(urls).toEqual(['https://b:1', 'https://c:1', 'https://a:1'])
  expect(probes?.map(({ address, state }) => `${address} ${state}`)).toEqual(['b:1 alive', 'c:1 alive', 'a:1 dead'])
})

test('waitForList probes dead addresses again with the backoff, without another read', async () => {
  const fakes = resolveFake({ probe: 'tcp', minAddresses: 2 }, ({ source, apiservers }) => {
    source.write('["a:1","b:1"]')
    apiservers.states.set('b:1', 'dead')
  })
  const { clock, apiservers, source, events, result } = fakes
  await idle()
  expect(events.of('phase')).toMatchObject([
    {
      reason: 'incomplete',
      message: expect.stringContaining('has 1 of at least 2 addresses alive: b:1 is dead (refused)'),
    },
  ])
  for (let i = 0; i < 20; i++) await untilNextSleep(fakes)
  const delays = events.of('retry').map(({ delayMs }) => delayMs)
  expect(delays.slice(0, 6)).toEqual([188, 375, 750, 1425, 1425, 1425])
  expect(rounds(fakes)).toBe(21)
  expect([source.reads, source.watches]).toEqual([1, 1])
  apiservers.states.delete('b:1')
  const aliveAt = clock.now()
  await clock.next()
  expect(await result).toMatchObject({ addresses: ['a:1', 'b:1'], attempts: 1 })
  expect(clock.now() - aliveAt).toBeLessThanOrEqual(2000)
  await idle()
  expect([clock.sleeping, source.closed, source.watching]).toEqual([0, true, 0])
})

test('waitForList reads the list again after 60 to 90 s although only dead addresses are missing', async () => {
  const fakes = resolveFake({ probe: 'tcp', minAddresses: 2 }, ({ source, apiservers }) => {
    source.write('["a:1"]')
    source.write('["a:1","b:1"]')
    apiservers.states.set('b:1', 'dead')
  })
  await idle()
  while (fakes.clock.now() < 95_000) await untilNextSleep(fakes)
  expect(fakes.source.reads).toBe(2)
})

test('waitForList reads the list for each of maxAttempts although only dead addresses are missing', async () => {
  const options = { probe: 'tcp', minAddresses: 2, retry: { maxAttempts: 3 } } as const
  const { clock, result } = resolveFake(options, ({ source, apiservers }) => {
    source.write('["a:1","b:1"]')
    apiservers.states.set('b:1', 'dead')
  })
  for (let i = 0; i < 3; i++) {
    await idle()
    await clock.next()
  }
  await expect(result).rejects.toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'incomplete', attempts: 3 })
})

test('waitForList waits for a dead address of expect, and names it in every event and in the error', async () => {
  const options = { probe: 'tcp', expect: ['b'], timeoutMs: 60_000 } as const
  const fakes = resolveFake(options, ({ source, apiservers }) => {
    source.write('["a:1","b:1"]')
    apiservers.states.set('b:1', 'dead')
  })
  const { clock, events, result } = fakes
  await idle()
  expect([events.of('phase')[0]?.missing, events.of('retry')[0]?.missing]).toEqual([['b'], ['b']])
  while (clock.now() < 60_000) await untilNextSleep(fakes)
  await expect(result).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    reason: 'incomplete',
    message: expect.stringContaining('the list lacks b alive: b:1 is dead (refused)'),
  })
})

test('waitForList does not probe a list that is incomplete or has not settled', async () => {
  const options = { probe: 'tcp', minAddresses: 2, settleMs: 3000 } as const
  const fakes = resolveFake(options, ({ source }) => source.write('["a:1"]'))
  const { clock, source, result } = fakes
  await clock.advance(1000)
  source.write('["a:1","b:1"]')
  await clock.advance(2999)
  expect(rounds(fakes)).toBe(0)
  await clock.advance(1)
  expect(await result).toMatchObject({ elapsedMs: 4000 })
  expect(rounds(fakes)).toBe(1)
})

test('waitForList checks and probes again a list that changes while it is probed', async () => {
  const fakes = resolveFake({ probe: 'tcp', minAddresses: 2 }, ({ source }) => source.write('["a:1"]'))
  const { clock, apiservers, source, result, events } = fakes
  await idle()
  apiservers.latencyMs = 100
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
  expect(await result).toMatchObject({ addresses: ['b:1', 'c:1'] })
})

test('waitForList ends at the deadline during a probe, and the error says so', async () => {
  const { clock, apiservers, result } = resolveFake({ probe: 'tcp', timeoutMs: 1000 }, (fakes) => {
    fakes.source.write('["a:1"]')
    fakes.apiservers.states.set('a:1', 'silent')
  })
  await idle()
  await clock.advance(1000)
  await expect(result).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    reason: 'incomplete',
    message: expect.stringContaining('the list is complete, and its addresses are still being probed'),
  })
  expect([clock.sleeping, apiservers.running]).toEqual([0, 0])
})

test('waitForList rejects with signal.reason at once when aborted during a probe', async () => {
  const controller = new AbortController()
  const options = { probe: 'tcp', signal: controller.signal } as const
  const { clock, apiservers, source, result } = resolveFake(options, (fakes) => {
    fakes.source.write('["a:1"]')
    fakes.apiservers.states.set('a:1', 'silent')
  })
  await idle()
  controller.abort('enough')
  await expect(result).rejects.toBe('enough')
  expect([clock.sleeping, apiservers.running, source.closed]).toEqual([0, 0, true])
})

test('waitForList returns every address of any list, at least minAddresses of them alive, and these first', async () => {
  const server = fc.record({ address: fc.integer({ min: 1, max: 20 }).map((n) => `h${n}:1`), alive: fc.boolean() })
  const servers = fc.uniqueArray(server, { minLength: 1, maxLength: 12, selector: ({ address }) => address })
  await fc.assert(
    fc.asyncProperty(servers, fc.integer({ min: 1, max: 4 }), async (all, minAddresses) => {
      const { apiservers, source, result, events } = resolveFake({ probe: 'tcp', minAddresses }, (fakes) => {
        for (const { address, alive } of all) fakes.apiservers.states.set(address, alive ? 'alive' : 'dead')
        fakes.source.write(JSON.stringify(all.map(({ address }) => address)))
      })
      await idle()
      const alive = all.filter((each) => each.alive).map(({ address }) => address)
      if (alive.length < minAddresses) {
        expect(events.of('resolved')).toEqual([])
        for (const { address } of all) apiservers.states.delete(address)
        if (all.length < minAddresses) source.write(JSON.stringify(['h21:1', 'h22:1', 'h23:1', 'h24:1']))
        return
      }
      const { addresses, probes } = await result
      expect(addresses.toSorted()).toEqual(all.map(({ address }) => address).toSorted())
      expect(addresses.slice(0, alive.length)).toEqual(alive.toSorted())
      expect(probes?.map(({ address }) => address)).toEqual(addresses)
    }),
    { numRuns: 100 },
  )
})

test('waitForList probes with the backoff if a watch that delivers nothing new wakes it again and again', async () => {
  const fakes = resolveFake({ probe: 'tcp', minAddresses: 2 }, ({ source, apiservers }) => {
    source.write('["a:1","b:1"]')
    apiservers.states.set('b:1', 'dead')
    const old = source.snapshot()
    const changed = async () => idle()
    source.watch = async () => ({ isOver: false, changed, drain: () => [old], close: () => {} })
  })
  for (let turn = 0; turn < 50; turn++) await idle()
  expect(fakes.clock.now()).toBe(0)
  expect(rounds(fakes)).toBeLessThanOrEqual(3)
})
