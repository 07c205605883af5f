import { createSecureServer } from 'node:http2'
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { createServer } from 'node:tls'
import type { ResolveOptions } from '../../../src/index.ts'
import { temporaryFolder } from '../folder.ts'
import { endlesslyAfter, http2Frame, writesAfter } from '../hostile-http2.ts'
import type { Answer, OnConnection } from '../hostile-http2.ts'
import { serve } from '../serve.ts'
import { writeNodeFiles } from './node-files.ts'
import { clusterAuthorities } from './start.ts'

/** The JSON of an EndpointSlice, of which a test changes what it likes. */
export const sliceOf = (content: object = {}, metadata: object = {}): object => ({
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { name: 'kubernetes', uid: 'a', resourceVersion: '7', generation: 3, ...metadata },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.11'], conditions: { ready: true } }],
  ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
  ...content,
})

/** The JSON of a list of EndpointSlices. */
export const listOf = (slices: readonly object[] | null = [sliceOf()], metadata: object = {}): object => ({
  kind: 'EndpointSliceList',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { resourceVersion: '10', ...metadata },
  items: slices,
})

/** The line of a watch event. */
export const lineOf = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`

/** Answers with a status and a body, and an end. */
export const answer =
  (body: string | Uint8Array, headers: OutgoingHttpHeaders = {}): Answer =>
  (stream) => {
    open(stream, headers)
    stream.end(body)
  }

/** Answers with these texts, and does not end. */
export const writes = (...texts: readonly (string | Uint8Array)[]): Answer => writesAfter(open, texts)

export function open(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders = {}): void {
  stream.respond({ ':status': 200, 'content-type': 'application/json', ...headers })
}

/** Answers without end, as fast as the client reads. */
export const endlessly = (next: () => string | Uint8Array, first: string | Uint8Array = ''): Answer =>
  endlesslyAfter(open, next, first)

export interface HostileOptions {
  /** @default a list of one address */
  readonly onList?: Answer
  /** @default a watch that is confirmed and then silent */
  readonly onWatch?: Answer
}

/** The list of a call that waits for a watch: it has no slice. */
export const emptyList: Answer = answer(JSON.stringify(listOf([])))

type NodeOptions = ResolveOptions & { readonly dataDir: string; readonly endpoints: string }

async function nodeOf(port: number): Promise<NodeOptions> {
  const dataDir = temporaryFolder()
  await writeNodeFiles(dataDir, await clusterAuthorities())
  return { source: 'kubernetes', dataDir, endpoints: `https://127.0.0.1:${port}` }
}

async function serverCertificate() {
  const { server } = await clusterAuthorities()
  return server.issue({ commonName: 'kube-apiserver', ipAddresses: ['127.0.0.1'], usages: ['server'] })
}

/** Starts a server for the length of the test that answers lists and watches as it likes. Returns the options of a node. */
export async function startHostileApiserver({
  onList = answer(JSON.stringify(listOf())),
  onWatch = (stream) => open(stream),
}: HostileOptions): Promise<NodeOptions> {
  const server = createSecureServer({
    ...(await serverCertificate()),
    maxSendHeaderBlockLength: 1 << 24,
    settings: { maxHeaderListSize: 1 << 24 },
  })
  server.on('session', (session) => session.on('error', () => {}))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const { searchParams } = new URL(headers[':path'] ?? '/', 'https://a')
    if (searchParams.has('watch')) onWatch(stream)
    else onList(stream)
  })
  return nodeOf(await serve(server))
}

/** Starts a TLS server that sends HTTP/2 settings, and then what `speak` sends. Returns the options of a node. */
export async function startHostileTls(speak: OnConnection): Promise<NodeOptions> {
  const server = createServer({ ...(await serverCertificate()), ALPNProtocols: ['h2'] }, (socket) => {
    socket.resume().write(http2Frame(4))
    speak(socket)
  })
  return nodeOf(await serve(server))
}
