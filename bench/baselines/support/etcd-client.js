// The smallest etcd client that can get, put and watch: grpc-js without any checks.
import * as grpc from '@grpc/grpc-js'
import { decode, encode } from './protobuf.js'

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

/** Closes the client, and cancels the one connect that grpc-js still makes a second after a failed channel was closed. */
export function disconnect(client) {
  const { pool } = client.getChannel().internalChannel.subchannelPool
  for (const { subchannel } of Object.values(pool).flat()) subchannel.backoffTimeout.stop()
  client.close()
}

const waitForReady = new grpc.Metadata({ waitForReady: true })

/** Reads the key with a linearizable read. Resolves with the value as text and the revision of the store. */
export function get(client, key, options = {}) {
  return new Promise((resolve, reject) => {
    client.range(encode([1, key], [3, 1]), waitForReady, options, (error, response) => {
      if (error) return reject(error)
      const [kv] = response[2] ?? []
      resolve({ value: kv && String(decode(kv)[5]?.[0] ?? ''), revision: decode(response[1][0])[3][0] })
    })
  })
}

export function put(client, key, value) {
  return new Promise((resolve, reject) => {
    client.put(encode([1, key], [2, value]), waitForReady, (error) => (error ? reject(error) : resolve()))
  })
}

/** Yields the values that are written after `revision`, as text. Calls `created` when etcd has confirmed the watch. */
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
