import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { ApiserverAddressError } from '../../../src/errors.ts'
import { resolve } from '../../../src/resolve.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { followFake } from '../../support/fake-watch.ts'
import { resolveFake } from '../../support/resolving.ts'

test('a call rejects at its deadline, and the message names what it waited for', async () => {
  const { clock, result, events } = resolveFake({ timeoutMs: 60_000, minAddresses: 2 }, ({ source }) =>
    source.write('["a:1"]'),
  )
  await clock.advance(60_000)
  const error = await result.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ApiserverAddressError)
  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'incomplete', attempts: 1, elapsedMs: 60_000 })
  expect((error as Error).message).toBe(
    'rke2/apiaddresses: timed out after 60.0 s and 1 attempt, waiting for the full set of apiservers for the last 60.0 s: ' +
      'https://fake:2379: the list has 1 of at least 2 addresses: a:1',
  )
  expect(events.types.at(-1)).toBe('failed')
})

test('a call rejects at its deadline during a read, with the failure that the read would have', async () => {
  const { clock, result } = resolveFake({ timeoutMs: 1000 }, ({ source }) => source.hold())
  await clock.advance(1000)
  await expect(result).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'timeout' })
})

test('a call that probes at its deadline does not count the outage before as part of this wait', async () => {
  const { clock, apiservers, source, result } = resolveFake(
    { probe: 'tcp', timeoutMs: 60_000, dataDir: '/nowhere' },
    (fakes) => fakes.source.fail(new Failure('unreachable', 'refused')),
  )
  apiservers.states.set('a:1', 'silent')
  await clock.advance(58_500)
  source.fail(undefined)
  source.write('["a:1"]')
  await clock.advance(1500)
  const error = await result.catch(({ message }: Error) => message)
  expect(error).toMatch(
    /apiservers for the last 0\.0 s: the list is complete, and its addresses are still being probed$/,
  )
})

test('a call rejects at once with REJECTED for a failure that retrying cannot help', async () => {
  const { result, events } = resolveFake({}, ({ source }) => source.write('not JSON'))
  await expect(result).rejects.toMatchObject({
    code: 'REJECTED',
    reason: 'invalid-value',
    message:
      "rke2/apiaddresses: failed after 0.0 s and 1 attempt: https://fake:2379: the value is not JSON: 'not JSON'",
  })
  expect(events.types).toEqual(['attempt', 'phase', 'failed'])
})

test('a call names the missing addresses of expect in every phase, every retry and the error', async () => {
  const { source, clock, result, events } = resolveFake({ expect: ['b', 'c:1'], timeoutMs: 1000 })
  while (events.of('retry').length === 0) await idle()
  source.write('["a:1"]')
  await idle()
  source.write('["a:1","b:1"]')
  await clock.advance(1000)
  await expect(result).rejects.toThrow(/: the list lacks c:1: a:1, b:1$/)
  expect(events.of('phase').at(-1)?.missing).toEqual(['b', 'c:1'])
  for (const { missing } of [...events.of('phase'), ...events.of('retry')]) expect(missing).toSatisfy(Object.isFrozen)
  expect(events.of('retry').map(({ missing }) => missing)).toEqual([undefined, ['b', 'c:1'], ['c:1']])
})

test('a call emits a phase for each of two outages with the same reason', async () => {
  const { etcd, watch, events, clock } = await followFake(['10.0.0.1:6443'])
  for (let i = 0; i < 2; i++) {
    etcd.cut()
    await clock.advance(5000)
  }
  expect(events.of('phase')).toMatchObject([
    { reason: 'unreachable', previous: undefined },
    { reason: 'unreachable', previous: undefined },
  ])
  await watch.close()
})

test('a watch counts elapsedMs of a phase from the start of its outage', async () => {
  const { etcd, watch, events, clock } = await followFake(['10.0.0.1:6443'])
  for (let i = 0; i < 2; i++) {
    events.clear()
    await clock.advance(600_000)
    etcd.fault = new Failure('unreachable', 'refused')
    etcd.cut()
    await clock.advance(5000)
    etcd.fault = new Failure('no-leader', 'none')
    await clock.advance(2000)
    const [first, second] = events.of('phase').map(({ elapsedMs }) => elapsedMs)
    expect(first).toBe(0)
    expect(second).toBeGreaterThanOrEqual(5000)
    expect(second).toBeLessThan(7000)
    etcd.fault = undefined
    await clock.advance(5000)
  }
  await watch.close()
})

test('a call that is aborted with NaN rejects with NaN, and emits aborted', async () => {
  const controller = new AbortController()
  const { result, events } = resolveFake({ signal: controller.signal })
  await idle()
  controller.abort(NaN)
  await expect(result).rejects.toBeNaN()
  expect(events.all.at(-1)).toEqual({ type: 'aborted', reason: NaN })
})

test('the error of a call has a stack with the frame of the caller, also if a timer has created it', async () => {
  function application() {
    return resolveFake({ timeoutMs: 1000 }, ({ source }) => source.hold())
  }
  const { clock, result } = application()
  await clock.advance(1000)
  const error = (await result.catch((reason: unknown) => reason)) as ApiserverAddressError
  expect(error.stack?.split('\n')[0]).toBe(`ApiserverAddressError: ${error.message}`)
  expect(error.stack).toMatch(/\n {4}at application \(/)
  expect(Object.keys(error)).not.toContain('stack')
})

test('a call whose signal takes no listener rejects, and leaves no timer', async () => {
  const clock = new VirtualClock()
  const { signal } = new AbortController()
  signal.addEventListener = () => {
    throw new Error('no listener')
  }
  const config = parseOptions({ signal }, 'resolve')
  await expect(resolve(config, clock, new FakeSource())).rejects.toThrow('no listener')
  expect(clock.sleeping).toBe(0)
})
