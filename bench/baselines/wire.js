// As much of etcd's protocol as a get, a put and a watch need, on grpc-js and nothing else. Checks nothing.
import { setTimeout as sleep } from 'node:timers/promises'
import * as grpc from '@grpc/grpc-js'
import { list } from './baseline.js'

const method = (path, stream = false) => ({
  path,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: decode,
})

const Client = grpc.makeGenericClientConstructor({
  range: method('/etcdserverpb.KV/Range'),
  put: method('/etcdserverpb.KV/Put'),
  watch: method('/etcdserverpb.Watch/Watch', true),
})

export function connect(endpoint, options = {}, tls) {
  const credentials =
    tls === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(tls.ca, tls.key, tls.cert)
  const channelOptions = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_http_proxy': 0, ...options }
  return new Client(new URL(endpoint).host, credentials, channelOptions)
}

/** Without the one attempt to connect that grpc-js still makes, a second after the close of a channel that has failed. */
export function disconnect(client) {
  const { pool } = client.getChannel().internalChannel.subchannelPool
  for (const { subchannel } of Object.values(pool).flat()) subchannel.backoffTimeout.stop()
  client.close()
}

const patient = new grpc.Metadata({ waitForReady: true })

/** A linearizable read: the value as text, and the revision of the store. Waits for the connection. */
export function get(client, key, options = {}) {
  return new Promise((resolve, reject) => {
    client.range(encode([1, key], [3, 1]), patient, options, (error, response) => {
      if (error) return reject(error)
      const [kv] = response[2] ?? []
      resolve({ value: kv && String(decode(kv)[5]?.[0] ?? ''), revision: decode(response[1][0])[3][0] })
    })
  })
}

export function put(client, key, value) {
  return new Promise((resolve, reject) => {
    client.put(encode([1, key], [2, value]), patient, (error) => (error ? reject(error) : resolve()))
  })
}

/** The values written after a revision, each as text. `created` is called when etcd has confirmed the watch. */
export async function* watch(client, key, revision, created = () => {}) {
  const stream = client.watch()
  stream.write(encode([1, encode([1, key], [3, revision + 1])]))
  try {
    for await (const response of stream) {
      if (response[3]) created()
      for (const event of response[11] ?? []) yield String(decode(decode(event)[2][0])[5]?.[0] ?? '')
    }
  } finally {
    stream.cancel()
  }
}

/** A peer that reads the key once, then watches it, and begins again when that fails. */
export const getThenWatch =
  (options) =>
  async ({ endpoint, key, waiting }) => {
    const client = connect(endpoint, options)
    for (;;) {
      try {
        const { value, revision } = await get(client, key)
        if (list(value)) return value
        for await (const written of watch(client, key, revision, waiting)) if (list(written)) return written
      } catch {
        await sleep(100)
      }
    }
  }

/** Protobuf: [field number, number or text or bytes], ... */
function encode(...fields) {
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number') return [varint(field << 3), varint(value)]
      const bytes = Buffer.from(value)
      return [varint((field << 3) | 2), varint(bytes.length), bytes]
    }),
  )
}

function varint(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return Buffer.from([...bytes, value])
}

/** Protobuf: what each field number holds, in order; numbers as such (ids of etcd's lose digits), all else as bytes. */
function decode(bytes) {
  const fields = {}
  let at = 0
  const number = () => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = number()
    const value = number()
    if (tag % 8 === 0) (fields[tag >> 3] ??= []).push(value)
    else (fields[tag >> 3] ??= []).push(bytes.subarray(at, (at += value)))
  }
  return fields
}
