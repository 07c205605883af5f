import type { ClientHttp2Stream } from 'node:http2'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { ListHistory } from '../../../../src/sources/kubernetes/list-history.ts'
import type { Response } from '../../../../src/sources/kubernetes/session.ts'
import { SliceWatch } from '../../../../src/sources/kubernetes/slice-watch.ts'
import { WatchPace } from '../../../../src/sources/kubernetes/watch-pace.ts'
import { systemClock } from '../../../../src/util/clock.ts'

/** Opens a watch whose stream has this text, and resolves when it has handled that. */
async function watchOf(body: string): Promise<SliceWatch> {
  const stream = Object.assign(new PassThrough(), { close() {}, rstCode: 0 }) as unknown as ClientHttp2Stream
  onTestFinished(() => void stream.destroy())
  const response = { status: 200, headers: {}, stream, session: { isLost: false } } as Response
  const list = { version: 1n, slices: new Map() }
  const history = new ListHistory()
  const watch = new SliceWatch(list, history.ofList(list, history.version), {
    history,
    pace: new WatchPace(),
    clock: systemClock,
    ending: new AbortController().signal,
    request: async () => response,
    resume: async () => response,
    onList: () => {},
  })
  const signal = AbortSignal.timeout(10_000)
  await watch.open(signal)
  ;(stream as unknown as PassThrough).write(body)
  await watch.changed(signal)
  return watch
}

const changes = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const metadata = { name: 'kubernetes', uid: 'a', resourceVersion: String(index + 2), generation: index + 1 }
    const object = { kind: 'EndpointSlice', metadata, endpoints: [], ports: [] }
    return `${JSON.stringify({ type: 'MODIFIED', object })}\n`
  }).join('')

test('a watch delivers as many changes as may come at once', async () => {
  const watch = await watchOf(changes(100))
  expect([watch.drain().length, watch.isOver]).toEqual([100, false])
})

test('a watch with more changes than it keeps is over, so that a read decides what was missed', async () => {
  const watch = await watchOf(changes(101))
  expect([watch.drain().length, watch.isOver]).toEqual([0, true])
})
