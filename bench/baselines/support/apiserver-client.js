// The smallest client of an apiserver that can list and watch: node:http2 without any checks.
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'

const path =
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes'

/** Connects with the files with which kube-proxy connects. */
export function connect(endpoint, dataDir) {
  const file = (name) => readFileSync(`${dataDir}/agent/${name}`)
  const session = http2.connect(endpoint, {
    ca: file('server-ca.crt'),
    cert: file('client-kube-proxy.crt'),
    key: file('client-kube-proxy.key'),
  })
  // Each request fails with the same error.
  return session.on('error', () => {})
}

/** Resolves with the addresses and the version of the list. */
export async function list(session) {
  const { metadata, items } = JSON.parse(await text(session.request({ ':path': path })))
  return { addresses: (items ?? []).flatMap(addressesOf), version: metadata.resourceVersion }
}

/** Yields the addresses of each slice that has changed after `version`. Calls `created` when the watch is confirmed. */
export async function* watch(session, version, created = () => {}) {
  const query = `&watch=true&allowWatchBookmarks=true&resourceVersion=${version}&timeoutSeconds=600`
  const stream = session.request({ ':path': path + query })
  stream.on('response', created)
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) yield addressesOf(JSON.parse(line).object)
  }
}

const addressesOf = ({ endpoints, ports }) =>
  (endpoints ?? []).flatMap(({ addresses }) => addresses.map((address) => `${address}:${ports[0].port}`))

async function text(stream) {
  let body = ''
  for await (const chunk of stream.setEncoding('utf8')) body += chunk
  return body
}
