import { EventEmitter, getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { connect } from '../../../../src/sources/etcd/connection.ts'
import { WatchStream } from '../../../../src/sources/etcd/watch-stream.ts'
import type { RawWatchStream } from '../../../../src/sources/etcd/watch-stream.ts'
import { Failure } from '../../../../src/sources/failure.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { startHostileEtcd } from '../../../support/hostile-etcd.ts'

const never = new AbortController().signal
const lost = new Failure('unreachable', 'lost')

/** The stream as grpc-js gives it, which etcd's end is not behind. */
class Stream extends EventEmitter {
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

  says(response: object): void {
    const header = { revision: '99' }
    this.emit('data', { header, created: false, canceled: false, compact_revision: '0', events: [], ...response })
  }
  puts(...revisions: number[]): void {
    const kv = (revision: number) => ({
      value: Buffer.from('v'),
      mod_revision: String(revision),
      create_revision: '2',
      version: '1',
    })
    this.says({ events: revisions.map((revision) => ({ type: 'Put', kv: kv(revision) })) })
  }
}

function open() {
  const stream = new Stream()
  let overs = 0
  const watch = new WatchStream(
    stream as unknown as RawWatchStream,
    () => lost,
    () => overs++,
  )
  return { stream, watch, overs: () => overs }
}

describe('opening', () => {
  test('is done when etcd confirms it', async () => {
    const { stream, watch } = open()
    stream.says({ created: true })
    await expect(watch.created).resolves.toBeUndefined()
  })

  test.each<[string, (stream: Stream) => void, object]>([
    ['the stream fails', (stream) => stream.emit('error', new Error()), lost],
    ['the stream ends', (stream) => stream.emit('end'), lost],
    [
      'etcd refuses, in the words of its own',
      (stream) => stream.says({ created: true, canceled: true, cancel_reason: 'permission denied\n' }),
      { reason: 'unavailable', message: 'etcd ended the watch: permission denied' },
    ],
  ])('fails when %s', async (_, fail, failure) => {
    const { stream, watch } = open()
    fail(stream)
    await expect(watch.created).rejects.toMatchObject(failure)
  })

  test('may fail when nobody waits for it any more', async () => {
    const unhandled: unknown[] = []
    const keep = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', keep)
    open().stream.emit('error', new Error())
    await new Promise(setImmediate)
    process.off('unhandledRejection', keep)
    expect(unhandled).toEqual([])
  })
})

describe('changes', () => {
  test('end every wait, and are taken once, oldest first', async () => {
    const { stream, watch } = open()
    const waiting = Promise.all([watch.changed(never), watch.changed(never)])
    stream.puts(2, 3)
    stream.puts(4)
    await waiting
    await watch.changed(never)
    const [first, ...others] = watch.drain()
    expect(first).toEqual({ value: Buffer.from('v'), modRevision: 2n, createRevision: 2n, version: 1n, revision: 99n })
    expect(others.map(({ modRevision }) => modRevision)).toEqual([3n, 4n])
    expect(watch.drain()).toEqual([])
  })

  test('are also deletions, which have no value', () => {
    const { stream, watch } = open()
    const kv = { value: Buffer.alloc(0), mod_revision: '5', create_revision: '0', version: '0' }
    stream.says({ events: [{ type: 'Delete', kv }] })
    expect(watch.drain()).toEqual([
      { value: undefined, modRevision: 5n, createRevision: 0n, version: 0n, revision: 99n },
    ])
  })

  test('are none where etcd only reports progress', () => {
    const { stream, watch } = open()
    stream.says({ created: true })
    stream.says({})
    expect(watch.drain()).toEqual([])
  })

  test('are left to etcd when nobody takes them', () => {
    const { stream, watch } = open()
    let sent = 0
    while (!stream.paused && sent < 1000) stream.puts(++sent)
    expect(sent).toBeLessThan(1000)
    expect(watch.drain()).toHaveLength(sent)
    expect(stream.paused).toBe(false)
  })
})

describe('the end of the stream', () => {
  test('ends every wait, of now and later, and takes along what was not taken: only a new read counts', async () => {
    const { stream, watch } = open()
    const waiting = watch.changed(never)
    stream.puts(2)
    await waiting
    const other = open()
    const untold = other.watch.changed(never)
    other.stream.emit('error', new Error())
    await expect(untold).rejects.toBe(lost)

    stream.emit('error', new Error())
    expect(watch.drain()).toEqual([])
    await expect(watch.changed(never)).rejects.toBe(lost)
    stream.puts(3)
    expect(watch.drain()).toEqual([])
  })

  test('is also that etcd has compacted what is to be told; the stream itself goes, too', async () => {
    const { stream, watch, overs } = open()
    stream.says({ created: true })
    const waiting = watch.changed(never)
    stream.says({ canceled: true, compact_revision: '7', cancel_reason: '' })
    await expect(waiting).rejects.toMatchObject({
      reason: 'unavailable',
      message: 'etcd ended the watch: revisions before 7 are compacted',
    })
    expect(stream.cancelled).toBe(1)
    stream.emit('error', new Error())
    expect(overs()).toBe(1)
  })
})

test('an abort ends a wait with its reason, and leaves no listener', async () => {
  const { stream, watch } = open()
  const controller = new AbortController()
  const waiting = watch.changed(controller.signal)
  const done = watch.changed(controller.signal)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(done).rejects.toThrow('enough')
  await expect(watch.changed(controller.signal)).rejects.toThrow('enough')

  const other = new AbortController()
  const told = watch.changed(other.signal)
  stream.puts(2)
  await told
  expect(getEventListeners(other.signal, 'abort')).toEqual([])
})

test('close() cancels the stream, and ends a wait', async () => {
  const { stream, watch, overs } = open()
  const waiting = watch.changed(never)
  watch.close()
  watch.close()
  await expect(waiting).rejects.toThrow('the watch was closed')
  expect([stream.cancelled, overs()]).toEqual([1, 1])
})

test('of a connection that gives way to another one says so, and does not blame etcd', async () => {
  const endpoint = await startHostileEtcd({})
  const connection = await connect({ endpoint: endpointOf(endpoint), certificates: undefined, credentials: undefined })
  const watch = await connection.watch('key', 7n, never)
  const changed = watch.changed(never)
  connection.close()
  await expect(changed).rejects.toMatchObject({
    reason: 'unavailable',
    message: `${endpoint}: the call was cancelled (another connection took its place)`,
  })
})
