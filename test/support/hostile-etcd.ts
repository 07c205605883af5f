import http2 from 'node:http2'
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { createServer } from 'node:net'
import { endlesslyAfter, http2Frame, writesAfter } from './hostile-http2.ts'
import type { Answer, OnConnection } from './hostile-http2.ts'
import { serve } from './serve.ts'

/** A field of a protobuf message: a bigint is a varint, and everything else is bytes. */
export type Field = readonly [number: number, value: bigint | string | Uint8Array]

/** Encodes a message by hand, so that a test can make it invalid. */
export function message(...fields: readonly Field[]): Buffer {
  const parts = fields.map(([number, value]) => {
    if (typeof value === 'bigint') return Buffer.concat([varint(BigInt(number) << 3n), varint(value)])
    const bytes = Buffer.from(value as Uint8Array)
    return Buffer.concat([varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes])
  })
  return Buffer.concat(parts)
}

function varint(value: bigint): Buffer {
  const bytes = []
  for (let left = BigInt.asUintN(64, value); ; left >>= 7n) {
    if (left < 0x80n) return Buffer.from([...bytes, Number(left)])
    bytes.push(Number(left & 0x7fn) | 0x80)
  }
}

const list = '["10.0.0.11:6443"]\n'

interface Versioned {
  readonly key?: string
  readonly value?: string
  readonly modRevision?: bigint
}
/** `ResponseHeader`: cluster, member, revision of the store, term. */
export const header = (revision = 10n, member = 2n): Buffer => message([1, 1n], [2, member], [3, revision], [4, 5n])
/** `KeyValue`: key, create_revision, mod_revision, version, value. */
export const keyValue = ({ key = 'key', value = list, modRevision = 7n }: Versioned = {}): Buffer =>
  message([1, key], [2, 3n], [3, modRevision], [4, 2n], [5, value])
/** `RangeResponse`: header, kvs, count. */
export const range = (kv: Versioned = {}, revision?: bigint): Buffer =>
  message([1, header(revision)], [2, keyValue(kv)], [4, 1n])
/** `WatchResponse`: header, watch_id, created, events. */
export const created: Buffer = message([1, header()], [3, 1n])
export const event = (kv: Versioned = { modRevision: 11n }, revision = 11n): Buffer =>
  message([1, header(revision)], [11, message([2, keyValue(kv)])])

/** Encodes a gRPC frame. The flag for compression and the length may be wrong. */
export function frame(bytes: Uint8Array, { flag = 0, length = bytes.length } = {}): Buffer {
  const start = Buffer.alloc(5)
  start.writeUInt8(flag)
  start.writeUInt32BE(length, 1)
  return Buffer.concat([start, bytes])
}

/** Returns a text of this many megabytes. */
export const megabytes = (count: number, text = 'a'): string => text.repeat((count << 20) / text.length)

/** Text that would clear the screen, add a log line or hide text if it were printed as it is. */
export const controlCharacters = '\x1b[2J\r\n{"level":"info","msg":"forged"}\x9b7m\u2028\u202e\u{e0001}'

/** Answers with these bytes and, unless `status` is `undefined`, with an end. */
export const answer =
  (
    bytes: Uint8Array,
    { status = 0, headers = {} }: { status?: number | undefined; headers?: OutgoingHttpHeaders } = {},
  ): Answer =>
  (stream) => {
    open(stream, headers)
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status) }))
    stream.end(bytes)
  }

/** Answers with a list that is empty, for which a call waits. */
export const emptyList: Answer = answer(frame(range({ value: '[]' })))

/** Answers with these frames, and does not end. */
export const writes = (...frames: readonly Uint8Array[]): Answer => writesAfter(open, frames)

/** Answers with headers only, which contain the status. */
export const refusal =
  (status: string, text: string, headers: OutgoingHttpHeaders = {}): Answer =>
  (stream) =>
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': text, ...headers },
      { endStream: true },
    )

export function open(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders = {}): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { waitForTrailers: true })
}

/** Answers without end, as fast as the client reads. */
export const endlessly = (next: () => Uint8Array, first: Uint8Array = Buffer.alloc(0)): Answer =>
  endlesslyAfter(open, next, first)

export interface HostileOptions {
  readonly onAuthenticate?: Answer
  readonly onRange?: Answer
  /** @default a watch that is confirmed and then silent */
  readonly onWatch?: Answer
}

/**
 * Starts a server that speaks the protocol of etcd and sends what the options say, which may be invalid, until the end
 * of the test. It remembers nothing, unlike a `FakeEtcd`. Returns its URL.
 */
export async function startHostileEtcd({
  onAuthenticate = refusal('3', 'etcdserver: authentication is not enabled'),
  onRange = answer(frame(range())),
  onWatch = (stream) => (open(stream), void stream.write(frame(created))),
}: HostileOptions): Promise<string> {
  const server = http2.createServer({ maxSendHeaderBlockLength: 1 << 24, settings: { maxHeaderListSize: 1 << 24 } })
  server.on('session', (call) => call.on('error', () => {}))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const path = headers[':path'] ?? ''
    if (path.endsWith('/Authenticate')) onAuthenticate(stream)
    else if (path.endsWith('/Range')) onRange(stream)
    else onWatch(stream)
  })
  return `http://127.0.0.1:${await serve(server)}`
}

/** Starts a server that sends HTTP/2 settings on each connection, and then what `speak` sends. Returns its URL. */
export async function startHostileServer(speak: OnConnection): Promise<string> {
  const server = createServer((socket) => {
    socket.resume().write(http2Frame(4))
    speak(socket)
  })
  return `http://127.0.0.1:${await serve(server)}`
}
