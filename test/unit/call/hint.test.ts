import fs from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { HintFinder } from '../../../src/call/hint.ts'
import type { ResolveOptions } from '../../../src/index.ts'
import { EtcdSource } from '../../../src/sources/etcd/etcd-source.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { etcdOptions } from '../../support/etcd-source.ts'

/** Returns the finder of a call that reads etcd. */
const finder = (given: ResolveOptions, clock: VirtualClock) =>
  new HintFinder(new EtcdSource(etcdOptions(given), clock), clock)

const never = new AbortController().signal
const options: ResolveOptions = { dataDir: '/none' }
const missing = new Failure('tls-files-missing', 'the CA file does not exist yet')

/** Replaces the file system: each look-up stays pending until the test answers it. */
function controlFileSystem() {
  const pending: PromiseWithResolvers<void>[] = []
  const spy = vi.spyOn(fs.promises, 'access').mockImplementation(() => {
    const lookup = Promise.withResolvers<void>()
    pending.push(lookup)
    return lookup.promise
  })
  onTestFinished(async () => {
    spy.mockRestore()
    for (const { reject } of pending) reject(new Error('the test has ended'))
    await idle()
  })
  return pending
}

test('HintFinder.of returns the hint of the failure itself without a look-up', async () => {
  const pending = controlFileSystem()
  const failure = new Failure('tls-rejected', 'refused', { hint: 'the CA is /ca' })
  expect(await finder(options, new VirtualClock()).of(failure, 0, never)).toBe('the CA is /ca')
  expect(pending).toEqual([])
})

test.each([
  ['another reason', options, new Failure('timeout', 'no answer')],
  ['a call that does not use the data directory', { ...options, tls: { caFile: '/ca' } }, missing],
])('HintFinder.of looks nothing up for %s', async (_title, given, failure) => {
  const pending = controlFileSystem()
  expect(await finder(given, new VirtualClock()).of(failure, 0, never)).toBeUndefined()
  expect(pending).toEqual([])
})

test('HintFinder.of looks at the data directory for missing files, each time', async () => {
  const hint = finder(options, new VirtualClock())
  for (let count = 0; count < 2; count++) expect(await hint.of(missing, 0, never)).toMatch(/^\/none does not exist/)
})

test('HintFinder.of waits 200 ms for a file system that does not answer, and does not look again meanwhile', async () => {
  const pending = controlFileSystem()
  const clock = new VirtualClock()
  const hint = finder(options, clock)
  const first = hint.of(missing, 0, never)
  await clock.advance(200)
  expect(await first).toBeUndefined()
  expect(await hint.of(missing, 0, never)).toBeUndefined()
  expect(pending).toHaveLength(1)
  expect(clock.sleeping).toBe(0)
  pending[0]!.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
  await idle()
  const second = hint.of(missing, 0, never)
  pending[1]!.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
  expect(await second).toMatch(/^\/none does not exist/)
})

test('HintFinder.of rejects with signal.reason when it is aborted while the file system does not answer', async () => {
  controlFileSystem()
  const controller = new AbortController()
  const hint = finder(options, new VirtualClock()).of(missing, 0, controller.signal)
  controller.abort('enough')
  await expect(hint).rejects.toBe('enough')
})

test('HintFinder.of of several calls shares one look-up on a file system that does not answer', async () => {
  const pending = controlFileSystem()
  const clock = new VirtualClock()
  const hints = [1, 2, 3].map(() => finder(options, clock).of(missing, 0, never))
  await clock.advance(200)
  expect(await Promise.all(hints)).toEqual([undefined, undefined, undefined])
  const late = finder(options, clock).of(missing, 0, never)
  await idle()
  expect(pending).toHaveLength(1)
  pending[0]!.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
  expect(await late).toMatch(/^\/none does not exist/)
})

test('HintFinder.of returns no hint of another reason while a look-up is pending, and starts none', async () => {
  const clock = new VirtualClock()
  const lookedUp: string[] = []
  let found: Promise<string | undefined> = Promise.resolve('RKE2 is not installed')
  const hint = new HintFinder({ hint: ({ reason }) => (lookedUp.push(reason), found) }, clock)
  expect(await hint.of(missing, 0, never)).toBe('RKE2 is not installed')
  found = new Promise(() => {})
  const pending = hint.of(missing, 0, never)
  await clock.advance(200)
  expect(await pending).toBe('RKE2 is not installed')
  expect(await hint.of(new Failure('unreachable', 'refused'), 0, never)).toBeUndefined()
  expect(lookedUp).toEqual(['tls-files-missing', 'tls-files-missing'])
})
