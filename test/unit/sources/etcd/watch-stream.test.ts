import { EventEmitter, getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { WatchStream } from '../../../../src/sources/etcd/watch-stream.ts'
import type { RawWatchStream } from '../../../../src/sources/etcd/watch-stream.ts'
import { Failure } from '../../../../src/sources/failure.ts'

const never = new AbortController().signal
const lost = new Failure('unreachable', 'the connection was lost')

/** The stream of etcd3, without a server. */
class FakeStream extends EventEmitter {
  cancelled = 0
  paused = false
  cancel(): void {
    this.cancelled++
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }

  receive(response: object): void {
    const header = { revision: '99' }
    this.emit('data', { header, created: false, canceled: false, compact_revision: '0', events: [], ...response })
  }
  receivePuts(...revisions: number[]): void {
    const kv = (revision: number) => ({
      value: Buffer.from('v'),
      mod_revision: String(revision),
      create_revision: '2',
      version: '1',
    })
    this.receive({ events: revisions.map((revision) => ({ type: 'Put', kv: kv(revision) })) })
  }
}

function createWatch(afterRevision = 1n) {
  const stream = new FakeStream()
  let ends = 0
  const watch = new WatchStream(
    stream as unknown as RawWatchStream,
    afterRevision,
    () => lost,
    () => ends++,
  )
  return { stream, watch, ends: () => ends }
}

test('WatchStream.created resolves when etcd has confirmed the watch', async () => {
  const { stream, watch } = createWatch()
  stream.receive({ created: true })
  await expect(watch.created).resolves.toBeUndefined()
})

test('WatchStream.created rejects when the store is at an older revision than the read before', async () => {
  const { stream, watch, ends } = createWatch(100n)
  stream.receive({ created: true })
  await expect(watch.created).rejects.toMatchObject({
    reason: 'unavailable',
    message: 'etcd is at revision 99, and was at 100: a snapshot was restored, or a proxy uses a slow member',
  })
  expect([stream.cancelled, ends()]).toEqual([1, 1])
})

test.each([
  ['at the revision of the read before', 99n],
  ['at a newer revision', 98n],
])('WatchStream.created resolves when the store is %s', async (_title, afterRevision) => {
  const { stream, watch } = createWatch(afterRevision)
  stream.receive({ created: true })
  await expect(watch.created).resolves.toBeUndefined()
})

test.each<[title: string, fail: (stream: FakeStream) => void, failure: object]>([
  ['the stream fails', (stream) => stream.emit('error', new Error()), lost],
  ['the stream ends', (stream) => stream.emit('end'), lost],
  [
    'etcd cancels the watch, with the reason that etcd gives',
    (stream) => stream.receive({ created: true, canceled: true, cancel_reason: 'permission denied\n' }),
    { reason: 'unavailable', message: 'etcd ended the watch: permission denied' },
  ],
])('WatchStream.created rejects when %s', async (_title, fail, failure) => {
  const { stream, watch } = createWatch()
  fail(stream)
  await expect(watch.created).rejects.toMatchObject(failure)
})

test('WatchStream.created causes no unhandled rejection when no caller waits for it', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  createWatch().stream.emit('error', new Error())
  await new Promise(setImmediate)
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

test('WatchStream.changed resolves for all callers, and drain returns each change once, oldest first', async () => {
  const { stream, watch } = createWatch()
  const waiting = Promise.all([watch.changed(never), watch.changed(never)])
  stream.receivePuts(2, 3)
  stream.receivePuts(4)
  await waiting
  await watch.changed(never)
  const [first, ...others] = watch.drain()
  expect(first).toEqual({ value: Buffer.from('v'), modRevision: 2n, createRevision: 2n, version: 1n, revision: 2n })
  expect(others.map(({ modRevision }) => modRevision)).toEqual([3n, 4n])
  expect(watch.drain()).toEqual([])
})

test('WatchStream.drain returns a deletion as a change without a value', () => {
  const { stream, watch } = createWatch()
  const kv = { value: Buffer.alloc(0), mod_revision: '5', create_revision: '0', version: '0' }
  stream.receive({ events: [{ type: 'Delete', kv }] })
  expect(watch.drain()).toEqual([{ value: undefined, modRevision: 5n, createRevision: 0n, version: 0n, revision: 5n }])
})

test('WatchStream.drain returns nothing for a progress notification', () => {
  const { stream, watch } = createWatch()
  stream.receive({ created: true })
  stream.receive({})
  expect(watch.drain()).toEqual([])
})

test('WatchStream pauses its stream while many changes are pending, and drain resumes it', () => {
  const { stream, watch } = createWatch()
  let sent = 0
  while (!stream.paused && sent < 1000) stream.receivePuts(++sent)
  expect(sent).toBeLessThan(1000)
  expect(watch.drain()).toHaveLength(sent)
  expect(stream.paused).toBe(false)
})

test('WatchStream.changed rejects when the stream fails, for a caller that waits and for later callers', async () => {
  const { stream, watch } = createWatch()
  const waiting = watch.changed(never)
  stream.emit('error', new Error())
  await expect(waiting).rejects.toBe(lost)
  await expect(watch.changed(never)).rejects.toBe(lost)
})

test('WatchStream drops pending changes when the stream fails, and ignores later ones', async () => {
  const { stream, watch } = createWatch()
  const waiting = watch.changed(never)
  stream.receivePuts(2)
  await waiting
  stream.emit('error', new Error())
  expect(watch.drain()).toEqual([])
  stream.receivePuts(3)
  expect(watch.drain()).toEqual([])
})

test('WatchStream cancels the stream and calls onEnd once when etcd has compacted the revisions to watch', async () => {
  const { stream, watch, ends } = createWatch()
  stream.receive({ created: true })
  const waiting = watch.changed(never)
  stream.receive({ canceled: true, compact_revision: '7', cancel_reason: '' })
  await expect(waiting).rejects.toMatchObject({
    reason: 'unavailable',
    message: 'etcd ended the watch: revisions before 7 are compacted',
  })
  expect(stream.cancelled).toBe(1)
  stream.emit('error', new Error())
  expect(ends()).toBe(1)
})

test('WatchStream.changed rejects with signal.reason when it is aborted', async () => {
  const { watch } = createWatch()
  const controller = new AbortController()
  const first = watch.changed(controller.signal)
  const second = watch.changed(controller.signal)
  controller.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  await expect(second).rejects.toThrow('enough')
  await expect(watch.changed(controller.signal)).rejects.toThrow('enough')
})

test('WatchStream.changed leaves no listener on its signal', async () => {
  const { stream, watch } = createWatch()
  const { signal } = new AbortController()
  const changed = watch.changed(signal)
  stream.receivePuts(2)
  await changed
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('WatchStream.close cancels the stream once and rejects a pending changed', async () => {
  const { stream, watch, ends } = createWatch()
  const waiting = watch.changed(never)
  watch.close()
  watch.close()
  await expect(waiting).rejects.toThrow('the watch was closed')
  expect([stream.cancelled, ends()]).toEqual([1, 1])
})
