import { expect, test } from 'vitest'
import type { ProbedAddress } from '../../../src/addresses/list.ts'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import type { CallContext } from '../../../src/call/context.ts'
import { ProbeLoop } from '../../../src/call/probe-loop.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { VirtualClock } from '../../support/clock.ts'
import { FakeApiservers } from '../../support/fake-apiservers.ts'
import { FakeSource } from '../../support/fake-source.ts'

const alive = (address: string): ProbedAddress => ({ address, state: 'alive', latencyMs: 1 })

/** Starts a loop that probes a list every 10 s. An earlier round has probed the addresses of `probed`. */
function startLoop(first: readonly string[], probed?: readonly string[]) {
  const clock = new VirtualClock(() => 0.5)
  const controller = new AbortController()
  const apiservers = new FakeApiservers(clock)
  const config = parseOptions({ probe: 'tcp', probeIntervalMs: 10_000, signal: controller.signal }, 'watch')
  const source = new FakeSource()
  const call = new Call(config, clock, source)
  const prober = new Prober(config, source, clock, apiservers.probe)
  const context: CallContext = { call, clock, config, prober, source }
  let list = first
  const rounds: (readonly ProbedAddress[])[] = []
  const loop = new ProbeLoop(
    context,
    () => list,
    probed?.map(alive),
    (round) => rounds.push(round),
  )
  const sleepsOfTheCall = clock.sleeping
  const running = loop.run()
  running.catch(() => {})
  const setList = (...addresses: string[]) => (list = addresses)
  return { clock, controller, apiservers, rounds, loop, running, setList, sleepsOfTheCall }
}

test('ProbeLoop probes at once when there was no earlier round, and then at intervals', async () => {
  const { clock, apiservers, rounds } = startLoop(['a:1'])
  await clock.advance(0)
  expect(rounds).toMatchObject([[{ address: 'a:1', state: 'alive' }]])
  await clock.advance(9999)
  expect(apiservers.probed).toEqual(['a:1'])
  await clock.advance(1)
  expect(apiservers.probed).toEqual(['a:1', 'a:1'])
})

test('ProbeLoop waits for its interval when an earlier round has probed the whole list', async () => {
  const { clock, apiservers } = startLoop(['a:1'], ['a:1', 'b:1'])
  await clock.advance(9999)
  expect(apiservers.probed).toEqual([])
  await clock.advance(1)
  expect(apiservers.probed).toEqual(['a:1'])
})

test('ProbeLoop.wake starts the next round at once', async () => {
  const { clock, apiservers, loop } = startLoop(['a:1'], ['a:1'])
  await clock.advance(5000)
  loop.wake()
  await clock.advance(0)
  expect(apiservers.probed).toEqual(['a:1'])
})

test('ProbeLoop.wake starts no second round while one is running', async () => {
  const { clock, apiservers, loop } = startLoop(['a:1'])
  apiservers.latencyMs = 100
  await clock.advance(50)
  loop.wake()
  await clock.advance(1000)
  expect(apiservers.probed).toEqual(['a:1'])
})

test('ProbeLoop probes again at once when an address was added during a round', async () => {
  const { clock, apiservers, rounds, setList } = startLoop(['a:1'])
  apiservers.latencyMs = 100
  await clock.advance(50)
  setList('a:1', 'b:1')
  await clock.advance(150)
  expect(apiservers.probed).toEqual(['a:1', 'a:1', 'b:1'])
  expect(rounds.map((round) => round.length)).toEqual([1, 2])
})

test('ProbeLoop.run rejects with the reason of the call, and leaves no timer', async () => {
  const { clock, controller, running, sleepsOfTheCall } = startLoop(['a:1'], ['a:1'])
  await clock.advance(5000)
  controller.abort('enough')
  await expect(running).rejects.toBe('enough')
  expect(clock.sleeping).toBe(sleepsOfTheCall)
})
