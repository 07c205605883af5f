import { Writable } from 'node:stream'
import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ApiserverAddressError } from '../../src/index.ts'
import type { ApiserverAddressEvent, Reason } from '../../src/index.ts'
import { createFakeApiservers } from '../../src/testing.ts'
import { idle } from '../support/clock.ts'

const three = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443'] as const

/** Returns a fake with manual time, and the events of the calls that are started with its `onEvent`. */
function createFake() {
  const events: ApiserverAddressEvent[] = []
  const fake = createFakeApiservers({ manualTime: true })
  const types = () => events.splice(0).map(({ type }) => type)
  return { fake, events, types, onEvent: (event: ApiserverAddressEvent) => void events.push(event) }
}

test('the fake resolves with a list that was set before the call', async () => {
  const { fake } = createFake()
  fake.set(['B:6443', '10.0.0.11:6443'])
  expect(await fake.resolveApiserverAddresses()).toEqual({
    addresses: ['10.0.0.11:6443', 'b:6443'],
    urls: ['https://10.0.0.11:6443', 'https://b:6443'],
    source: 'etcd',
    revision: '2',
    attempts: 1,
    elapsedMs: 0,
  })
})

test('the fake resolves at once when the list that a call waits for is set, without time passing', async () => {
  const { fake, types, onEvent } = createFake()
  const call = fake.resolveApiserverAddresses({ minAddresses: 2, onEvent })
  await fake.advance(0)
  fake.set([three[0]])
  await fake.advance(0)
  fake.set(three)
  expect(await call).toMatchObject({ addresses: three, elapsedMs: 0, attempts: 1 })
  expect(types()).toEqual(['attempt', 'phase', 'retry', 'wake', 'phase', 'retry', 'wake', 'resolved'])
})

test('the fake waits for the reason not-set without a list, with an empty list and after unset()', async () => {
  const { fake, events, onEvent } = createFake()
  const call = fake.resolveApiserverAddresses({ timeoutMs: 5000, onEvent })
  const message = () => events.filter((event) => event.type === 'retry').at(-1)?.error.message
  await fake.advance(0)
  expect(message()).toBe('https://127.0.0.1:2379: the key does not exist yet')
  fake.set([])
  await fake.advance(0)
  expect(message()).toBe('https://127.0.0.1:2379: the key exists, and its list is empty')
  fake.unset()
  await fake.advance(0)
  expect(message()).toBe('https://127.0.0.1:2379: the key does not exist yet')
  const error = call.catch((reason: unknown) => reason)
  await fake.advance(5000)
  expect(await error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'not-set', elapsedMs: 5000 })
})

test('the fake rejects with the code, reason and cause that the package would reject with', async () => {
  const { fake } = createFake()
  const cause = new Error('certificate required')
  fake.fail('tls-rejected', cause)
  const call = fake.resolveApiserverAddresses().catch((reason: unknown) => reason)
  await fake.advance(60_000)
  const error = await call
  expect(error).toBeInstanceOf(ApiserverAddressError)
  expect(error).toMatchObject({ code: 'REJECTED', reason: 'tls-rejected', cause })
  expect((error as Error).message).toMatch(/^rke2\/apiaddresses: failed after .*: certificate required$/)
})

test('the fake checks options as the package does', async () => {
  const { fake } = createFake()
  await expect(fake.resolveApiserverAddresses({ minAddresses: 0 })).rejects.toThrow(
    new TypeError('Option "minAddresses" must be a whole number of at least 1, got 0'),
  )
  expect(() => fake.watchApiserverAddresses({ probe: 'ping' as 'tcp' })).toThrow(TypeError)
  expect(fake.calls).toEqual([])
})

test('recover() wakes a call that waits, without time passing', async () => {
  const { fake, types, onEvent } = createFake()
  fake.set(three)
  for (const reason of ['unreachable', 'timeout', 'no-leader', 'tls-files-missing'] as const) {
    fake.fail(reason)
    const call = fake.resolveApiserverAddresses({ onEvent })
    await fake.advance(0)
    expect(types()).toEqual(['attempt', 'phase', 'retry'])
    fake.recover()
    expect(await call).toMatchObject({ elapsedMs: 0, attempts: 2 })
    expect(types()).toEqual(['wake', 'attempt', 'resolved'])
  }
})

test('recover() is not lost when a listener of the phase calls it', async () => {
  const { fake } = createFake()
  fake.set(three)
  fake.fail('unreachable')
  const onEvent = ({ type }: ApiserverAddressEvent) => type === 'phase' && fake.recover()
  expect(await fake.resolveApiserverAddresses({ onEvent })).toMatchObject({ addresses: three, elapsedMs: 0 })
})

test('fail() replaces the failure before, and the call reports the new reason', async () => {
  const { fake, events, onEvent } = createFake()
  fake.fail('unreachable')
  const call = fake.resolveApiserverAddresses({ onEvent })
  await fake.advance(0)
  fake.fail('no-leader')
  await fake.advance(0)
  expect(events.flatMap((event) => (event.type === 'phase' ? [event.reason] : []))).toEqual([
    'unreachable',
    'no-leader',
  ])
  fake.set(three)
  await fake.advance(5000)
  fake.recover()
  expect(await call).toMatchObject({ addresses: three })
})

test('a watch of the fake yields the list, a new address at once, and a removal after shrinkDelayMs', async () => {
  const { fake } = createFake()
  fake.set(three.slice(0, 2))
  const watch = fake.watchApiserverAddresses()
  expect((await watch.next()).value).toMatchObject({ addresses: three.slice(0, 2), added: three.slice(0, 2) })
  fake.set(three)
  expect((await watch.next()).value).toMatchObject({ addresses: three, added: [three[2]], removed: [] })
  fake.set(three.slice(1))
  const removal = watch.next()
  let isOver = false
  void removal.then(() => (isOver = true))
  await fake.advance(2999)
  expect(isOver).toBe(false)
  await fake.advance(1)
  expect((await removal).value).toMatchObject({ addresses: three.slice(1), added: [], removed: [three[0]] })
  await watch.close()
})

test('a list that is set between the first list of a watch and its next change is not lost', async () => {
  const { fake } = createFake()
  fake.set([three[0]])
  const watch = fake.watchApiserverAddresses({
    onEvent: ({ type }) => type === 'resolved' && fake.set(three.slice(0, 2)),
  })
  await watch.next()
  expect((await watch.next()).value).toMatchObject({ added: [three[1]] })
  await watch.close()
})

test('a watch of the fake keeps its list through an outage, and has the change of the outage after it', async () => {
  const { fake, types, onEvent } = createFake()
  fake.set(three.slice(0, 2))
  const watch = fake.watchApiserverAddresses({ onEvent })
  await watch.next()
  await fake.advance(0)
  expect(types()).toEqual(['attempt', 'resolved', 'connected'])
  fake.fail('unreachable', new Error('connect ECONNREFUSED'))
  await fake.advance(0)
  expect(types()).toEqual(['disconnected', 'phase', 'retry'])
  fake.set(three)
  await fake.advance(60_000)
  types()
  fake.recover()
  expect((await watch.next()).value).toMatchObject({ addresses: three, added: [three[2]] })
  await fake.advance(0)
  expect(types()).toEqual(['wake', 'attempt', 'changed', 'connected'])
  await watch.close()
})

test.for(['not-set', 'invalid-value'] as const)(
  'a watch of the fake ignores the value of fail(%s), and has the list again after recover()',
  async (reason) => {
    const { fake, events, onEvent } = createFake()
    fake.set(three.slice(0, 2))
    const watch = fake.watchApiserverAddresses({ onEvent })
    await watch.next()
    await fake.advance(0)
    fake.fail(reason)
    fake.set(three)
    await fake.advance(60_000)
    expect(events.filter(({ type }) => type === 'ignored')).toMatchObject([{ reason }])
    fake.recover()
    expect((await watch.next()).value).toMatchObject({ addresses: three })
    await watch.close()
  },
)

test('fail(invalid-value) ends a call of the fake, as an invalid value in etcd does', async () => {
  const { fake } = createFake()
  fake.set(three)
  fake.fail('invalid-value')
  await expect(fake.resolveApiserverAddresses()).rejects.toMatchObject({ code: 'REJECTED', reason: 'invalid-value' })
  fake.recover()
  expect(await fake.resolveApiserverAddresses()).toMatchObject({ addresses: three })
})

test('setProbe() sets what the probes of the fake find, and they verify certificates', async () => {
  const { fake } = createFake()
  fake.set(three)
  fake.setProbe(three[0], 'dead')
  const watch = fake.watchApiserverAddresses({ probe: 'readyz' })
  const { value } = await watch.next()
  expect(value?.addresses).toEqual([three[1], three[2], three[0]])
  expect(value?.probes).toEqual([
    { address: three[1], state: 'alive', latencyMs: 0, verified: true },
    { address: three[2], state: 'alive', latencyMs: 0, verified: true },
    { address: three[0], state: 'dead', latencyMs: 0, cause: `connect ECONNREFUSED ${three[0]}`, verified: false },
  ])
  fake.setProbe(three[0], 'alive')
  const next = watch.next()
  await fake.advance(10_000)
  expect((await next).value).toMatchObject({ addresses: three, added: [], removed: [] })
  await watch.close()
})

test('fail() refuses a reason that does not exist, and incomplete, which depends on the options of a call', () => {
  const { fake } = createFake()
  expect(() => fake.fail('broken' as 'timeout')).toThrow(/^fail\(\) takes one of tls-files-missing, .*, got "broken"$/)
  expect(() => fake.fail('toString' as 'timeout')).toThrow(TypeError)
  expect(() => fake.fail('incomplete' as 'timeout')).toThrow(/use set\(\) or setProbe\(\) instead/)
})

test('set() and setProbe() refuse what is no address', () => {
  const { fake } = createFake()
  expect(() => fake.set(['10.0.0.11'])).toThrow(new TypeError("set() takes addresses as host:port, got '10.0.0.11'"))
  expect(() => fake.set('a:1' as unknown as string[])).toThrow(TypeError)
  expect(() => fake.setProbe('a', 'dead')).toThrow(TypeError)
  expect(() => fake.setProbe('a:1', 'gone' as 'dead')).toThrow(TypeError)
})

test('advance() refuses to run on the clock of the process, and a time that is none', async () => {
  await expect(createFakeApiservers().advance(1)).rejects.toThrow('createFakeApiservers({ manualTime: true })')
  for (const ms of [-1, NaN, Infinity]) await expect(createFake().fake.advance(ms)).rejects.toThrow(TypeError)
})

test('calls has the open calls and watches with their options, and none that has ended', async () => {
  const { fake } = createFake()
  expect(fake.calls).toEqual([])
  const options = { minAddresses: 2 }
  const call = fake.resolveApiserverAddresses(options)
  const watch = fake.watchApiserverAddresses()
  const unused = fake.watchApiserverAddresses({ probe: 'tcp' })
  expect(fake.calls).toEqual([
    { kind: 'resolve', options },
    { kind: 'watch', options: {} },
    { kind: 'watch', options: { probe: 'tcp' } },
  ])
  expect(fake.calls[0]?.options).toBe(options)
  await unused.close()
  fake.set(three)
  await call
  await watch.next()
  expect(fake.calls).toEqual([{ kind: 'watch', options: {} }])
  await watch.close()
  expect(fake.calls).toEqual([])
})

test('calls no longer has a watch that its signal or an error has ended', async () => {
  const { fake } = createFake()
  const abort = new AbortController()
  const aborted = fake.watchApiserverAddresses({ signal: abort.signal }).next()
  const failed = fake.watchApiserverAddresses({ timeoutMs: 100 }).next()
  const outcomes = Promise.allSettled([aborted, failed])
  abort.abort('stop')
  await fake.advance(100)
  expect(await outcomes).toMatchObject([{ reason: 'stop' }, { reason: { code: 'DEADLINE_EXCEEDED' } }])
  expect(fake.calls).toEqual([])
})

test('the fake runs on the clock of the process by default, and on the fake timers of a test', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { resolveApiserverAddresses } = createFakeApiservers()
  const error = resolveApiserverAddresses({ timeoutMs: 5000 }).catch((reason: unknown) => reason)
  await vi.advanceTimersByTimeAsync(5000)
  expect(await error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
})

test.for<[string, object, Reason, string]>([
  ['etcd', { distribution: 'k3s' }, 'unauthenticated', 'k3s/apiaddresses'],
  ['kubernetes', { source: 'kubernetes' }, 'unauthenticated', 'default/kubernetes'],
])('the fake behaves as the source %s', async ([source, options, reason, subject]) => {
  const { fake } = createFake()
  fake.set(three)
  expect(await fake.resolveApiserverAddresses(options)).toMatchObject({ source })
  fake.fail(reason as 'unauthenticated')
  const call = fake.resolveApiserverAddresses(options).catch((error: unknown) => error)
  await fake.advance(source === 'etcd' ? 0 : 70_000)
  expect(await call).toMatchObject({ code: 'REJECTED', reason, message: expect.stringContaining(`${subject}: failed`) })
})

test('the calls of a fake do not warn that nothing listens, and log as the package does', async () => {
  const warn = vi.spyOn(process, 'emitWarning')
  onTestFinished(() => warn.mockRestore())
  const lines: string[] = []
  const stream = new Writable({ write: (line, _encoding, done) => (lines.push(String(line)), done()) })
  const { fake } = createFake()
  const calls = [fake.resolveApiserverAddresses(), fake.resolveApiserverAddresses({ logger: pino(stream) })]
  await fake.advance(30_000)
  fake.set(three)
  await Promise.all(calls)
  expect(warn).not.toHaveBeenCalled()
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    'waiting for the key: https://127.0.0.1:2379: the key does not exist yet',
    'found 3 apiservers in 1 attempt',
  ])
})

test('two fakes share nothing', async () => {
  const [one, other] = [createFakeApiservers(), createFakeApiservers()]
  one.set([three[0]])
  other.set([three[1]])
  expect((await one.resolveApiserverAddresses()).addresses).toEqual([three[0]])
  expect((await other.resolveApiserverAddresses()).addresses).toEqual([three[1]])
  await idle()
})
