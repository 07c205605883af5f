import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { ApiserverAddressError } from '../../../../src/index.ts'
import { ObservedCall } from '../../../support/call.ts'
import { http2Frame } from '../../../support/hostile-http2.ts'
import { listOf, startHostileTls } from '../../../support/kubernetes/hostile-apiserver.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'

expectNoLeaks()

const list = Buffer.from(JSON.stringify(listOf()))
const endStream = 1
const endHeaders = 4
/** HPACK: `:status` 200, and 503. */
const status200 = Buffer.from([0x88])
const status503 = Buffer.from('0803353033', 'hex')
const headers = (bytes: Buffer<ArrayBuffer>, flags = 0) => http2Frame(1, { id: 1, flags: endHeaders | flags, bytes })
const data = (bytes: Buffer<ArrayBuffer>, flags = 0) => http2Frame(0, { id: 1, flags, bytes })
const reset = (code: number) => http2Frame(3, { id: 1, bytes: Buffer.from([0, 0, 0, code]) })
const goaway = (code: number) => http2Frame(7, { bytes: Buffer.from([0, 0, 0, 1, 0, 0, 0, code]) })

/** What a server sends in answer to the first request, all at once, before it ends the connection. */
const answers: Record<string, readonly [outcome: string, ends: 'end' | 'destroy' | 'stay', ...frames: Buffer[]]> = {
  'the head of an answer, and the end': ['unreachable', 'end', headers(status200)],
  'the head of an answer, and a reset': ['unreachable', 'destroy', headers(status200)],
  'half a list, and the end': ['unreachable', 'end', headers(status200), data(list.subarray(0, 50))],
  'a whole list without END_STREAM, and the end': ['unreachable', 'end', headers(status200), data(list)],
  'a whole list, and the end': ['list', 'end', headers(status200), data(list, endStream)],
  'a whole list, GOAWAY, and the end': ['list', 'end', headers(status200), data(list, endStream), goaway(0)],
  'GOAWAY before a whole list': ['list', 'end', goaway(0), headers(status200), data(list, endStream)],
  'GOAWAY with an error': ['unreachable', 'end', goaway(2)],
  'half a list, and GOAWAY with an error': [
    'unreachable',
    'stay',
    headers(status200),
    data(list.subarray(0, 50)),
    goaway(2),
  ],
  'GOAWAY that refuses the request': ['unreachable', 'stay', http2Frame(7, { bytes: Buffer.alloc(8) })],
  RST_STREAM: ['unreachable', 'stay', reset(7)],
  'half a list, and RST_STREAM': ['unreachable', 'stay', headers(status200), data(list.subarray(0, 50)), reset(2)],
  '503 without a body, and GOAWAY': ['unavailable', 'end', headers(status503, endStream), goaway(0)],
  '503 without a body, and RST_STREAM': ['unavailable', 'stay', headers(status503), reset(0)],
  'nothing, and the end': ['unreachable', 'end'],
}

test.each(Object.entries(answers))('resolve knows what it means when the apiserver sends %s', async (_title, row) => {
  const [expected, ends, ...frames] = row
  const options = await startHostileTls((socket) =>
    onRequest(socket, () => {
      const bytes = Buffer.concat(frames)
      if (ends === 'end') socket.end(bytes)
      else socket.write(bytes, () => ends === 'destroy' && socket.destroy())
    }),
  )
  const call = new ObservedCall({ ...options, timeoutMs: 20_000, retry: { maxAttempts: 1 } })
  const outcome = await call.result.then(
    () => 'list',
    ({ reason, message }: ApiserverAddressError) => {
      // The cause is named, and not only the reason.
      if (reason === 'unreachable') expect(message).toMatch(/cannot be reached \(.+\)$/)
      return reason
    },
  )
  expect(outcome).toBe(expected)
})

/** Calls `answer` at the first HEADERS frame of the client. */
function onRequest(socket: Socket, answer: () => void): void {
  let bytes = Buffer.alloc(0)
  let at = 24
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= at + 9) {
      const type = bytes.readUInt8(at + 3)
      at += 9 + bytes.readUIntBE(at, 3)
      if (type === 1) return answer()
    }
  })
}
