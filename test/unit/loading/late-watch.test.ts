import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { LateWatch } from '../../../src/loading/late-watch.ts'
import { createFakeApiservers } from '../../../src/testing.ts'
import { orAborted } from '../../../src/util/abort.ts'
import type { ApiserverAddressWatch } from '../../../src/watch.ts'

type Create = ConstructorParameters<typeof LateWatch>[1]

const done = { done: true, value: undefined }

/** Returns a watch whose load ends when `finish` is called, with the watch of a list in memory, or `fail`, with an error. */
function prepare(signal = new AbortController().signal) {
  const loading = Promise.withResolvers<ApiserverAddressWatch>()
  const create = vi.fn<Create>((aborted) => orAborted(loading.promise, aborted))
  const fake = createFakeApiservers()
  fake.set(['10.0.0.11:6443'])
  const finish = () => loading.resolve(fake.watchApiserverAddresses())
  return { watch: new LateWatch(signal, create), create, finish, fail: loading.reject, fake }
}

test('LateWatch loads with the first next(), and once', async () => {
  const { watch, create, finish } = prepare()
  expect(create).not.toHaveBeenCalled()
  const first = watch.next()
  const second = watch.next()
  expect(create).toHaveBeenCalledOnce()
  finish()
  expect((await first).value?.addresses).toEqual(['10.0.0.11:6443'])
  await watch.close()
  expect(await second).toEqual(done)
})

test('LateWatch ends a pending next() when it is closed while the code is loaded', async () => {
  const { watch } = prepare()
  const pending = watch.next()
  await watch.close()
  expect(await pending).toEqual(done)
  expect(await watch.next()).toEqual(done)
})

test('LateWatch that is closed before the first next() loads nothing', async () => {
  const { watch, create } = prepare()
  await watch.close()
  expect(await watch.next()).toEqual(done)
  expect(create).not.toHaveBeenCalled()
})

test('LateWatch closes the watch that was created', async () => {
  const { watch, finish, fake } = prepare()
  finish()
  await watch.next()
  expect(fake.calls).toHaveLength(1)
  await watch.close()
  expect(fake.calls).toEqual([])
})

test('LateWatch throws the error of the load once, and is over then', async () => {
  const { watch, fail } = prepare()
  const both = Promise.allSettled([watch.next(), watch.next()])
  const error = new TypeError('invalid option')
  fail(error)
  expect(await both).toEqual([
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: done },
  ])
  await watch.close()
})

test('LateWatch rejects next() with the reason of the signal, and listens to it only while it loads', async () => {
  const controller = new AbortController()
  const { watch } = prepare(controller.signal)
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  const pending = watch.next()
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort('enough')
  await expect(pending).rejects.toBe('enough')
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})

test('LateWatch ends with the loop that reads it', async () => {
  const { watch, finish, fake } = prepare()
  finish()
  for await (const { addresses } of watch) {
    expect(addresses).toEqual(['10.0.0.11:6443'])
    break
  }
  expect(fake.calls).toEqual([])
  expect(await watch.next()).toEqual(done)
})
