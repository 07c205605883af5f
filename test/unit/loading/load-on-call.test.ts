import { expect, test, vi } from 'vitest'
import { loadOnCall } from '../../../src/loading/load-on-call.ts'
import { createFakeApiservers } from '../../../src/testing.ts'
import type { FakeApiservers } from '../../../src/testing.ts'
import { VirtualClock } from '../../support/clock.ts'
import { spyOnWarnings } from '../../support/warnings.ts'

/** Returns both functions over a list in memory, the mock that loads them, and the clock of a load that has failed. */
function prepare() {
  const fake = createFakeApiservers()
  fake.set(['10.0.0.11:6443'])
  const load = vi.fn<() => FakeApiservers>(() => fake)
  const clock = new VirtualClock()
  return { fake, load, clock, ...loadOnCall({ resolve: load, watch: load }, clock) }
}

function failToLoad(): never {
  throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
}

test('loadOnCall loads nothing before the first call', async () => {
  const { load, resolveApiserverAddresses } = prepare()
  expect(load).not.toHaveBeenCalled()
  await resolveApiserverAddresses()
  expect(load).toHaveBeenCalledOnce()
})

test('resolveApiserverAddresses passes its options to the code that is loaded, at once', () => {
  const { fake, resolveApiserverAddresses } = prepare()
  fake.unset()
  const options = { minAddresses: 2, signal: AbortSignal.timeout(0) }
  resolveApiserverAddresses(options).catch(() => {})
  expect(fake.calls).toEqual([{ kind: 'resolve', options }])
})

test('watchApiserverAddresses throws the TypeError for an invalid option at once', () => {
  const { watchApiserverAddresses } = prepare()
  expect(() => watchApiserverAddresses({ minAddresses: 0 })).toThrow(TypeError)
})

test('resolveApiserverAddresses waits for code that cannot be loaded, and then for the list', async () => {
  const warnings = spyOnWarnings()
  const { load, clock, resolveApiserverAddresses } = prepare()
  load.mockImplementationOnce(failToLoad).mockImplementationOnce(failToLoad)
  const call = resolveApiserverAddresses()
  await clock.advance(500)
  expect(load).toHaveBeenCalledTimes(2)
  await clock.advance(500)
  expect((await call).addresses).toEqual(['10.0.0.11:6443'])
  expect(load).toHaveBeenCalledTimes(3)
  expect(warnings).toHaveLength(1)
})

test('watchApiserverAddresses waits for code that cannot be loaded, and then for the list', async () => {
  spyOnWarnings()
  const { load, clock, fake, watchApiserverAddresses } = prepare()
  load.mockImplementationOnce(failToLoad)
  await using watch = watchApiserverAddresses()
  const first = watch.next()
  await clock.advance(500)
  expect((await first).value?.addresses).toEqual(['10.0.0.11:6443'])
  fake.set(['10.0.0.11:6443', '10.0.0.12:6443'])
  expect((await watch.next()).value?.added).toEqual(['10.0.0.12:6443'])
})

test('resolveApiserverAddresses rejects with the reason of its signal while the code cannot be loaded', async () => {
  spyOnWarnings()
  const { load, resolveApiserverAddresses } = prepare()
  load.mockImplementation(failToLoad)
  const controller = new AbortController()
  const call = resolveApiserverAddresses({ signal: controller.signal })
  controller.abort('enough')
  await expect(call).rejects.toBe('enough')
})
