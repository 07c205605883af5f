import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { SeededRandom } from './random.ts'

/** What a hostile server does with a request. */
export type Answer = (stream: ServerHttp2Stream) => void

/** Sends the head of an answer. */
type Open = (stream: ServerHttp2Stream) => void

type Chunk = string | Uint8Array

/** Returns an answer of these parts, which does not end. */
export const writesAfter =
  (open: Open, parts: readonly Chunk[]): Answer =>
  (stream) => {
    open(stream)
    for (const part of parts) stream.write(part)
  }

/** Returns an answer without end, as fast as the client reads. Lets the client run after every hundred writes. */
export const endlesslyAfter =
  (open: Open, next: () => Chunk, first: Chunk): Answer =>
  (stream) => {
    open(stream)
    stream.write(first)
    const more = () => {
      for (let left = 100; left > 0; left--) {
        if (stream.destroyed) return
        if (stream.write(next())) continue
        stream.once('drain', more)
        return
      }
      setImmediate(more)
    }
    more()
  }

/** Encodes an HTTP/2 frame. */
export function http2Frame(
  type: number,
  { flags = 0, id = 0, bytes = Buffer.alloc(0) }: { flags?: number; id?: number; bytes?: Uint8Array } = {},
): Buffer {
  const start = Buffer.alloc(9)
  start.writeUIntBE(bytes.length, 0, 3)
  start.writeUInt8(type, 3)
  start.writeUInt8(flags, 4)
  start.writeUInt32BE(id, 5)
  return Buffer.concat([start, bytes])
}

export type OnConnection = (socket: Socket) => void

/** Sends bytes every 2 ms until the connection is closed. */
export const every =
  (bytes: () => Uint8Array): OnConnection =>
  (socket) => {
    const timer = setInterval(() => socket.write(bytes()), 2)
    socket.on('close', () => clearInterval(timer))
  }

export const thousand = (bytes: Uint8Array): Buffer => Buffer.concat(Array.from({ length: 1000 }, () => bytes))

/** Returns HTTP/2 frames and bytes that are sent again and again, by what they are. */
export const frameFloods = (random: SeededRandom): Readonly<Record<string, OnConnection>> => ({
  'SETTINGS frames': every(() => thousand(http2Frame(4))),
  'PING frames': every(() => thousand(http2Frame(6, { bytes: Buffer.alloc(8) }))),
  'RST_STREAM frames': every(() => thousand(http2Frame(3, { id: 1, bytes: Buffer.alloc(4) }))),
  'GOAWAY frames': every(() => thousand(http2Frame(7, { bytes: Buffer.from('7fffffff00000000', 'hex') }))),
  'header continuations': (socket) => {
    socket.write(http2Frame(1, { id: 1, bytes: Buffer.from([0x88]) }))
    every(() => http2Frame(9, { id: 1, bytes: Buffer.alloc(8000, 0x61) }))(socket)
  },
  'frames of 16 MiB': every(() => Buffer.concat([Buffer.from('ffffff000000000001', 'hex'), Buffer.alloc(60_000)])),
  'window updates that overflow': every(() => http2Frame(8, { bytes: Buffer.from('7fffffff', 'hex') })),
  'settings that allow no stream': every(() => http2Frame(4, { bytes: Buffer.from('000300000000', 'hex') })),
  'settings without a window': every(() => http2Frame(4, { bytes: Buffer.from('000400000000', 'hex') })),
  'random bytes': every(() => random.bytes(1000)),
})
