import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { Http2SecureServer, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Authority } from '../certificates.ts'
import { startProxy, unusedPort } from '../net.ts'
import type { Proxy } from '../net.ts'
import { SliceStore } from './slice-store.ts'
import type { WatchEvent } from './slice-store.ts'

/** An answer other than the list. */
export interface Fault {
  readonly status: number
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** Sends GOAWAY with code 0 after the answer, as an apiserver that starts does. */
  readonly goaway?: boolean
  /** Gives no answer. */
  readonly silent?: boolean
  /** Only for lists or only for watches. */
  readonly only?: 'list' | 'watch'
  /** Only for the first such request. */
  readonly once?: boolean
  /** Holds the answer back until this has resolved. */
  readonly until?: Promise<void>
}

export interface FakeApiserverOptions {
  readonly host?: '127.0.0.1' | '::1'
  readonly store?: SliceStore
  /** Bearer tokens that are accepted. @default none */
  readonly tokens?: readonly string[]
}

/** The body of an error, as the real apiserver writes it. */
export const statusBody = (code: number, message: string): string =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code })

/** An apiserver on node:http2, which answers as the real one does. Its port stays the same when it starts again. */
export class FakeApiserver implements AsyncDisposable {
  readonly store: SliceStore
  readonly url: string
  readonly address: string
  readonly tokens: Set<string>
  /** `list`, or `watch` with the version that it starts from. */
  readonly requests: string[] = []
  pings = 0
  /** The answer to each request instead of the right one. */
  fault: Fault | undefined
  readonly #credentials: { readonly cert: string; readonly key: string; readonly ca: string }
  readonly #port: number
  /** Clients connect to it, because only so a server can be frozen: node:http2 answers pings by itself. */
  readonly #front: Proxy
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  /** The open watches, each with the version that it has got to. */
  readonly #watches = new Map<ServerHttp2Stream, number>()
  #server: Http2SecureServer | undefined

  /** @internal */
  constructor(credentials: FakeApiserver['credentials'], port: number, front: Proxy, options: FakeApiserverOptions) {
    const { store = new SliceStore(), tokens = [] } = options
    this.#credentials = credentials
    this.#port = port
    this.#front = front
    this.store = store
    this.tokens = new Set(tokens)
    this.url = front.endpoint
    this.address = new URL(front.endpoint).host
    store.listeners.add((event) => this.#push(event))
  }

  /** The certificates of the server, and the CA of its clients. */
  get credentials(): { readonly cert: string; readonly key: string; readonly ca: string } {
    return this.#credentials
  }

  /** The URL of the server itself, which cannot be frozen. A measurement uses it, because the way to it is shorter. */
  get directUrl(): string {
    return `https://127.0.0.1:${this.#port}`
  }

  /** The number of connections that were accepted so far. */
  get connections(): number {
    return this.#front.connections
  }

  get watches(): number {
    return this.#watches.size
  }

  get lists(): number {
    return this.requests.filter((request) => request === 'list').length
  }

  async start(): Promise<void> {
    // A client without a certificate, or with a wrong one, is refused by the answer 401, and never by TLS.
    const server = createSecureServer({ ...this.#credentials, requestCert: true, rejectUnauthorized: false })
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket.on('error', () => {}))
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('secureConnection', (socket: TLSSocket) => socket.on('error', () => {}))
    server.on('session', (session) => {
      this.#sessions.add(session.on('error', () => {}))
      session.once('close', () => this.#sessions.delete(session))
      session.on('ping', () => this.pings++)
    })
    server.on('stream', (stream, headers) => this.#answer(stream, headers))
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    await this.#front.pass()
  }

  /** Ends every connection without a word, as a process that is killed does. */
  async kill(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    await this.#front.refuse()
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    if (server.listening) await once(server, 'close')
  }

  /** Answers nothing from now on, not even a ping, and keeps its connections. */
  freeze(): Promise<void> {
    return this.#front.blackhole()
  }

  /** Ends every connection with a TCP reset. */
  reset(): void {
    this.#front.reset()
  }

  /** Answers new connections again. */
  thaw(): Promise<void> {
    return this.#front.pass()
  }

  /** Ends every watch as its `timeoutSeconds` does. */
  endWatches(): void {
    for (const stream of this.#watches.keys()) stream.end()
  }

  /**
   * Sends GOAWAY with code 0 on every connection.
   *
   * @param options.endsWatches ends the watches too, as a server that stops does; `--goaway-chance` lets them go on
   */
  goaway({ endsWatches = true } = {}): void {
    for (const session of this.#sessions) session.goaway(0)
    if (endsWatches) this.endWatches()
  }

  /** Sends a bookmark on every watch. */
  bookmark(): void {
    const metadata = { resourceVersion: String(this.store.version) }
    const object = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', metadata, endpoints: null, ports: null }
    this.writeToWatches(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
  }

  /** Writes any text on every watch. */
  writeToWatches(text: string | Buffer): void {
    for (const stream of this.#watches.keys()) stream.write(text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await this.#front.close()
  }

  #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => {})
    const { pathname, searchParams } = new URL(headers[':path'] ?? '/', this.url)
    const isWatch = searchParams.get('watch') === 'true'
    this.requests.push(isWatch ? `watch ${searchParams.get('resourceVersion')}` : 'list')
    const refusal = this.#refusal(stream, headers, pathname, isWatch)
    if (refusal?.silent === true) return
    if (refusal?.once === true) this.fault = undefined
    if (refusal?.until !== undefined) return void refusal.until.then(() => this.#respond(stream, refusal))
    if (refusal !== undefined) return this.#respond(stream, refusal)
    if (isWatch) return this.#watch(stream, Number(searchParams.get('resourceVersion')))
    this.#respond(stream, { status: 200, body: this.listBody() })
  }

  #refusal(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    pathname: string,
    isWatch: boolean,
  ): Fault | undefined {
    const { fault } = this
    if (fault !== undefined && (fault.only === undefined || (fault.only === 'watch') === isWatch)) return fault
    const authorized = (stream.session?.socket as TLSSocket | undefined)?.authorized ?? false
    const token = headers.authorization?.replace('Bearer ', '')
    const isKnown = token === undefined ? authorized : this.tokens.has(token)
    if (!isKnown) return { status: 401, body: statusBody(401, 'Unauthorized') }
    if (pathname !== '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices') {
      return { status: 404, body: '404 page not found\n' }
    }
    return undefined
  }

  #respond(stream: ServerHttp2Stream, { status, body = '', headers, goaway = false }: Fault): void {
    stream.respond({ ':status': status, 'content-type': 'application/json', ...headers })
    stream.end(body)
    if (goaway) stream.session?.goaway(0)
  }

  /** Returns the answer to a list. */
  listBody(): string {
    const { slices, version } = this.store
    const items = slices.map(({ kind: _kind, apiVersion: _apiVersion, ...slice }) => slice)
    const metadata = { resourceVersion: String(version) }
    return JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items })
  }

  #watch(stream: ServerHttp2Stream, from: number): void {
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    if (from < this.store.oldest) {
      const object = {
        kind: 'Status',
        status: 'Failure',
        message: 'too old resource version',
        reason: 'Expired',
        code: 410,
      }
      stream.end(`${JSON.stringify({ type: 'ERROR', object })}\n`)
      return
    }
    this.#watches.set(stream, from)
    stream.once('close', () => this.#watches.delete(stream))
    for (const event of this.store.after(from)) this.#send(stream, event)
  }

  /** A watch from a version of the future is silent until the store has got there. */
  #send(stream: ServerHttp2Stream, event: WatchEvent): void {
    if (event.version <= (this.#watches.get(stream) ?? 0)) return
    this.#watches.set(stream, event.version)
    stream.write(lineOf(event))
  }

  #push(event: WatchEvent): void {
    for (const stream of this.#watches.keys()) this.#send(stream, event)
  }
}

const lineOf = ({ type, object }: WatchEvent): string => `${JSON.stringify({ type, object })}\n`

/** The certificates of a cluster, made as RKE2 makes them: one CA for the servers, and one for the clients. */
export interface ClusterAuthorities {
  readonly server: Authority
  readonly client: Authority
}

/** Starts an apiserver whose certificate names the addresses of this machine. */
export async function startFakeApiserver(
  { server, client }: ClusterAuthorities,
  options: FakeApiserverOptions = {},
): Promise<FakeApiserver> {
  const { cert, key } = await server.issue({
    commonName: 'kube-apiserver',
    dnsNames: ['localhost', 'kubernetes.default.svc'],
    ipAddresses: ['127.0.0.1', '::1'],
    usages: ['server'],
  })
  const port = await unusedPort()
  const front = await startProxy(`https://127.0.0.1:${port}`, options.host)
  const apiserver = new FakeApiserver({ cert, key, ca: client.cert }, port, front, options)
  await apiserver.start()
  return apiserver
}
