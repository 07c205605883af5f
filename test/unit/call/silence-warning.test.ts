import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import type { WatchOptions } from '../../../src/index.ts'
import { resolve } from '../../../src/resolve.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { Watch } from '../../../src/watch.ts'
import { VirtualClock } from '../../support/clock.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { spyOnWarnings } from '../../support/warnings.ts'

const code = 'RKE2_APISERVER_RESOLVER_WAITING'

/** Starts a call that waits for the key, and ends it at the end of the test. */
function waitForKey(options: WatchOptions = {}) {
  const clock = new VirtualClock()
  const source = new FakeSource()
  const abort = new AbortController()
  const call = resolve(parseOptions({ signal: abort.signal, ...options }, 'resolve'), clock, source)
  call.catch(() => {})
  onTestFinished(() => abort.abort())
  return { clock, source, call }
}

test('a call without a listener warns once after 10 s, with the phase and how to listen', async () => {
  const warnings = spyOnWarnings()
  const { clock, source, call } = waitForKey()
  await clock.advance(9999)
  expect(warnings).toEqual([])
  await clock.advance(1)
  expect(warnings).toEqual([
    [
      'rke2/apiaddresses: after 10.0 s still waiting for the key: https://fake:2379: the key does not exist yet. ' +
        'To see the progress, pass the option "logger" or "onEvent", or set NODE_DEBUG=rke2-apiserver-resolver',
      { code },
    ],
  ])
  await clock.advance(60_000)
  source.write('["a:1"]')
  await call
  expect(warnings).toHaveLength(1)
})

test('a call whose first attempt has no answer after 10 s warns as well', async () => {
  const warnings = spyOnWarnings()
  const { clock, source } = waitForKey()
  source.hold()
  await clock.advance(10_000)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]?.[0]).toMatch(/^rke2\/apiaddresses: after 10\.0 s still waiting for the first answer\. To see/)
})

test.for<[string, WatchOptions]>([
  ['logger', { logger: pino({ level: 'silent' }) }],
  ['events', { events: new EventEmitter() }],
  ['onEvent', { onEvent: () => {} }],
])('a call with the option %s does not warn that it waits', async ([, options]) => {
  const warnings = spyOnWarnings()
  const { clock } = waitForKey(options)
  await clock.advance(60_000)
  expect(warnings).toEqual([])
  expect(clock.sleeping).toBe(2)
})

test('a call does not warn that it waits while the diagnostics channel has a subscriber', async () => {
  const warnings = spyOnWarnings()
  const ignore = () => {}
  subscribe('rke2-apiserver-resolver', ignore)
  onTestFinished(() => void unsubscribe('rke2-apiserver-resolver', ignore))
  await waitForKey().clock.advance(60_000)
  expect(warnings).toEqual([])
})

test('a call that has ended keeps no timer for the warning', async () => {
  const warnings = spyOnWarnings()
  const { clock, source, call } = waitForKey()
  await clock.advance(1000)
  source.write('["a:1"]')
  await call
  expect(clock.sleeping).toBe(0)
  const failing = waitForKey({ retry: { maxAttempts: 1 } })
  await expect(failing.call).rejects.toMatchObject({ code: 'ATTEMPTS_EXHAUSTED' })
  expect(failing.clock.sleeping).toBe(0)
  expect(warnings).toEqual([])
})

test('a watch that has a list warns when an outage has lasted for 10 s, and only once', async () => {
  const warnings = spyOnWarnings()
  const clock = new VirtualClock()
  const source = new FakeSource()
  source.write('["a:1"]')
  const watch = new Watch(parseOptions({}, 'watch'), clock, source)
  onTestFinished(() => watch.close())
  await watch.next()
  await clock.advance(60_000)
  expect(warnings).toEqual([])
  for (let outage = 1; outage <= 2; outage++) {
    source.fail(new Failure('unreachable', 'etcd cannot be reached'))
    source.cut()
    await clock.advance(9000)
    expect(warnings).toHaveLength(outage - 1)
    await clock.advance(1000)
    expect(warnings).toHaveLength(1)
    source.fail(undefined)
    await clock.advance(5000)
  }
  expect(warnings[0]?.[0]).toMatch(/after 10\.0 s still waiting for etcd: connection reset\. To see/)
})

test('a call warns with a whole sentence about a reason that usually ends a call', async () => {
  const warnings = spyOnWarnings()
  const { clock, source } = waitForKey()
  const silent = 'the key cannot be read: its file system does not answer'
  source.fail(new Failure('tls-files-unreadable', silent, { retryForMs: Infinity, hint: 'is it NFS?' }))
  await clock.advance(10_000)
  expect(warnings[0]?.[0]).toContain(
    `after 10.0 s still waiting for the certificate files: ${silent}; is it NFS?. To see`,
  )
})
