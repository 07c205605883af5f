import { expect, test } from 'vitest'
import { VirtualWatch } from '../../../support/kubernetes/follow.ts'
import { startNode } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'

expectNoLeaks()

const [a, b, c] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const
const all = [`${a}:6443`, `${b}:6443`, `${c}:6443`]

/** How the slice of three real servers was seen after all of them were killed and started: what it had, and for how long. */
const crashes: Record<string, readonly (readonly [ms: number, ...addresses: string[]])[]> = {
  'the first run': [
    [900, a, b],
    [9900, a],
    [1400, b],
    [2000, a, b],
  ],
  'the second run': [
    [3400, a],
    [2100, b],
    [800, a, b],
  ],
  'a cluster reset, which has two dead servers for a second': [[1050, b, c]],
}

test.each(Object.entries(crashes))(
  'watch removes no address after a crash of all servers, as in %s',
  async (_title, states) => {
    const { apiserver, options } = await startNode()
    apiserver.store.set(a, b, c)
    const watch = new VirtualWatch(options)
    expect((await watch.start()).addresses).toEqual(all)
    await expect.poll(() => apiserver.watches).toBe(1)
    for (const [ms, ...addresses] of states) {
      apiserver.store.set(...addresses)
      const missing = all.filter((address) => !addresses.some((present) => address.startsWith(`${present}:`)))
      await watch.events.until('held', (event) => event.missing.join() === missing.join())
      await watch.advance(ms)
    }
    apiserver.store.set(a, b, c)
    // Longer than the removal is delayed, and than the list is not read.
    await watch.advance(120_000)
    expect(watch.events.of('changed')).toEqual([])
    expect(watch.events.types).not.toContain('disconnected')
  },
)

test('watch removes an address that has been missing for 30 s', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set(a, b, c)
  const watch = new VirtualWatch(options)
  await watch.start()
  await expect.poll(() => apiserver.watches).toBe(1)
  apiserver.store.set(a, b)
  await watch.events.until('held')
  await watch.advance(29_900)
  expect(watch.events.of('changed')).toEqual([])
  await watch.advance(101)
  await watch.events.until('changed')
  expect(watch.events.of('changed')).toMatchObject([{ removed: [`${c}:6443`] }])
})

test('watch follows a crash in which the connection is lost and the servers answer 503 and 403 for a while', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set(a, b, c)
  const watch = new VirtualWatch(options)
  await watch.start()
  await expect.poll(() => apiserver.watches).toBe(1)
  await apiserver.kill()
  await watch.advance(1000)
  apiserver.fault = { status: 503, goaway: true }
  await apiserver.start()
  await watch.advance(37_000)
  apiserver.fault = { status: 403 }
  await watch.advance(4300)
  apiserver.fault = undefined
  apiserver.store.set(a)
  await watch.advanceUntil('connected')
  await watch.advance(9900)
  apiserver.store.set(a, b, c)
  await watch.advance(120_000)
  expect(watch.events.of('changed')).toEqual([])
  expect(watch.events.of('failed')).toEqual([])
  expect(watch.events.of('disconnected')).toHaveLength(1)
})
