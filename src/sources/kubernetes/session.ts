import { connect as connectHttp2, constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { Endpoint } from '../../addresses/endpoint.ts'
import { LinkedAbortController, orAborted } from '../../util/abort.ts'
import type { Clock } from '../../util/clock.ts'
import { isLookingUp, lookup } from '../../util/lookup.ts'
import { serverIdentity } from '../../util/server-identity.ts'
import type { Certificates } from '../certificates.ts'
import type { Stage } from '../connection.ts'

/** A ping finds a dead flow under a watch. It crosses the load balancer of an agent, which TCP keep-alive does not. */
const pingIntervalMs = 10_000
const pingTimeoutMs = 5000

/** The answer to a request. Its body is read from the stream. */
export interface Response {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly stream: ClientHttp2Stream
  readonly session: ApiserverSession
}

/** One HTTP/2 connection to an apiserver. It connects with the first request. */
export class ApiserverSession {
  readonly #endpoint: Endpoint
  readonly #certificates: Certificates | undefined
  readonly #clock: Clock
  /** Ends the pings. */
  readonly #life = new LinkedAbortController(undefined)
  readonly #ending = new AbortController()
  #socket: TLSSocket | undefined
  #session: ClientHttp2Session | undefined
  #opening: Promise<ClientHttp2Session> | undefined
  #isConnected = false
  #error: Error | undefined
  #closed = false

  constructor(endpoint: Endpoint, certificates: Certificates | undefined, clock: Clock) {
    this.#endpoint = endpoint
    this.#certificates = certificates
    this.#clock = clock
  }

  /** How far the connection has got. */
  get stage(): Stage {
    if (this.#closed || this.#error !== undefined) return 'closed'
    // A session that has received GOAWAY takes no more requests.
    if (this.#session !== undefined) return this.#session.closed ? 'closed' : 'ready'
    if (this.#isConnected) return 'handshake'
    return isLookingUp(this.#endpoint.host) ? 'resolving' : 'connecting'
  }

  /**
   * Aborted when the connection stops taking requests for a reason that is no fault: the server sent GOAWAY, or this side
   * closed it.
   */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  /** Why the connection failed or was lost, if Node says so: a server that was killed ends it without an error. */
  get error(): Error | undefined {
    return this.#error
  }

  /**
   * Whether the connection was lost or closed, so that an answer may be cut. False after GOAWAY with code 0: the server
   * still completes its answers.
   */
  get isLost(): boolean {
    return this.#closed || this.#error !== undefined
  }

  /** Resolves when the connection is established; rejects with the error of Node if it cannot be. */
  async ready(): Promise<void> {
    await this.#open()
  }

  /**
   * Requests a path, and resolves with the head of the answer.
   *
   * @throws Error if the connection fails before the answer: the error of Node, or one of this file if Node gives none
   * @throws NoHttp2Error if the server does not speak HTTP/2
   * @throws `signal.reason` when the signal is aborted
   */
  async get(path: string, token: string | undefined, signal: AbortSignal): Promise<Response> {
    const session = await orAborted(this.#open(), signal)
    const stream = session.request({
      ':path': path,
      accept: 'application/json',
      'user-agent': 'rke2-apiserver-resolver',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    })
    // An error is reported by `close`, which follows.
    stream.on('error', () => {})
    const cancel = () => stream.close(constants.NGHTTP2_CANCEL)
    signal.addEventListener('abort', cancel, { once: true })
    try {
      return await orAborted(head(stream, this), signal)
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }

  close(): void {
    this.#closed = true
    this.#life.end()
    this.#ending.abort()
    this.#session?.destroy()
    this.#socket?.destroy()
  }

  #open(): Promise<ClientHttp2Session> {
    return (this.#opening ??= this.#connect())
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { host, port, url } = this.#endpoint
    const socket = connectTls({
      host,
      port,
      lookup,
      secureContext: this.#certificates?.context,
      ...serverIdentity(host),
      // Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
    })
    this.#socket = socket
    if (this.#closed) socket.destroy()
    socket.once('connect', () => (this.#isConnected = true))
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.on('error', (error) => reject((this.#error ??= lastOf(error))))
      socket.once('close', () => reject(new Error('the connection was closed')))
    }).catch((error: Error) => {
      throw (this.#error ??= error)
    })
    if (socket.alpnProtocol !== 'h2') throw (this.#error = new NoHttp2Error())
    const session = connectHttp2(url, { createConnection: () => socket })
    session.on('error', (error) => (this.#error ??= error))
    session.once('goaway', () => this.#ending.abort())
    session.once('close', () => this.#life.end())
    this.#session = session
    this.#keepAlive(session).catch(() => {})
    return session
  }

  async #keepAlive(session: ClientHttp2Session): Promise<void> {
    const { signal } = this.#life
    for (;;) {
      await this.#clock.sleep(pingIntervalMs, signal)
      if (await this.#isAlive(session)) continue
      this.#error ??= new Error(`a ping had no answer for ${pingTimeoutMs / 1000} s`)
      session.destroy()
      this.#socket?.destroy()
      return
    }
  }

  async #isAlive(session: ClientHttp2Session): Promise<boolean> {
    const answer = new Promise<boolean>((resolve) => {
      if (!session.ping((error) => resolve(error === null))) resolve(true)
    })
    const timeout = this.#clock.sleep(pingTimeoutMs, this.#life.signal).then(
      () => false,
      () => true,
    )
    return Promise.race([answer, timeout])
  }
}

/** The server speaks TLS, and not HTTP/2. */
export class NoHttp2Error extends Error {
  constructor() {
    super('the server does not speak HTTP/2')
  }
}

function head(stream: ClientHttp2Stream, session: ApiserverSession): Promise<Response> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers) => resolve({ status: headers[':status'] ?? 0, headers, stream, session }))
    stream.once('close', () => reject(session.error ?? new Error('the connection was closed before the answer')))
  })
}

/** A name with several IP addresses fails with an error for each. */
const lastOf = (error: Error): Error => (error instanceof AggregateError ? (error.errors.at(-1) as Error) : error)
