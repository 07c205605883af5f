import type { CallOptions } from '@grpc/grpc-js'
import { orAborted } from '../../util/abort.ts'
import { isLoopback, lookupHost } from '../../util/lookup.ts'
import { messageOf, oneLine } from '../../util/text.ts'
import type { Connection, Stage } from '../connection.ts'
import { Failure } from '../failure.ts'
import type { Snapshot, SourceWatch } from '../source.ts'
import { tlsHint } from '../tls-hint.ts'
import { EndpointChannel } from './channel.ts'
import { classifyStatus, describeStatus, isExcessPings } from './classify.ts'
import type { Status } from './classify.ts'
import { EtcdClient } from './client.ts'
import { GrpcCall, StatusError } from './grpc-call.ts'
import type { EtcdConnectionOptions } from './options.ts'
import { revisions, WatchStream } from './watch-stream.ts'
import type { RawWatchStream } from './watch-stream.ts'

/** Returns a connection to one endpoint. It starts to connect with the first call. */
export const connect = async (options: EtcdConnectionOptions): Promise<Connection> => new EtcdConnection(options)

/** etcd's errors for a token that it no longer knows, that is older than the last change of permissions, or is missing. */
const staleToken = /invalid auth token|revision of auth store is old|user name is empty/

/** A `WatchResponse` with one event, which has a value of one byte. @internal */
export const sampleEvent: Buffer = Buffer.from('5a0512032a015b', 'hex')

/** Makes one call. */
type Request<T> = (etcd: EtcdClient, options: CallOptions) => Promise<T>

/** A connection whose host name is resolved. */
interface OpenConnection {
  readonly channel: EndpointChannel
  readonly etcd: EtcdClient
}

class EtcdConnection implements Connection {
  readonly #options: EtcdConnectionOptions
  readonly #calls = new Set<GrpcCall>()
  #opening: Promise<OpenConnection> | undefined
  #open: OpenConnection | undefined
  #closed = false
  #token: string | undefined
  #authenticated = false

  constructor(options: EtcdConnectionOptions) {
    this.#options = options
  }

  get stage(): Stage {
    return this.#open?.channel.stage ?? 'resolving'
  }

  async whenReady(): Promise<void> {
    // A host name that cannot be resolved ends a read, and never this wait.
    const { channel } = await this.#opened().catch(() => new Promise<never>(() => {}))
    channel.connect()
    await channel.whenReady()
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    const request = { key: Buffer.from(this.#options.key), limit: 1 }
    const response = await this.#authorized(signal, ({ kv }, options) => kv.range(request, options))
    const [kv] = response.kvs
    const [revision, modRevision] = revisions(response.header, kv)
    if (revision <= 0n || (kv !== undefined && modRevision <= 0n)) throw this.#invalidResponse('no revision')
    const [createRevision, version] = [BigInt(kv?.create_revision ?? 0), BigInt(kv?.version ?? 0)]
    return { value: kv?.value, modRevision, createRevision, version, revision }
  }

  async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    const { call, etcd } = await this.#start(signal)
    try {
      const stream = (await etcd.watch.watch(call.options)) as RawWatchStream
      const reason = () => this.#failureOf(call) ?? this.#failureOfStatus({ code: 14, details: 'the stream ended' })
      const watch = new WatchStream(stream, afterRevision, reason, () => this.#calls.delete(call))
      const start_revision = String(afterRevision + 1n)
      // With fragments, a long history is not refused for being larger than one message may be.
      stream.write({ create_request: { key: Buffer.from(this.#options.key), start_revision, fragment: true } })
      await watch.created
      // Warms up the decoder now, while there is nothing to decode.
      call.decode(sampleEvent)
      return watch
    } catch (error) {
      call.cancel()
      this.#calls.delete(call)
      signal.throwIfAborted()
      throw this.#failureOf(call) ?? this.#unexpected(error)
    } finally {
      // The signal bounds only the opening of the stream.
      signal.removeEventListener('abort', call.cancel)
    }
  }

  close(): void {
    this.#closed = true
    for (const call of this.#calls) call.cancel()
    this.#open?.channel.close()
  }

  /** Makes a call with a token, if there are credentials, and renews a token that etcd no longer accepts once. */
  async #authorized<T>(signal: AbortSignal, request: Request<T>): Promise<T> {
    await this.#authenticate(signal)
    try {
      return await this.#unary(signal, request)
    } catch (error) {
      if (!(error instanceof Failure && error.cause instanceof StatusError)) throw error
      if (this.#options.credentials === undefined || !staleToken.test(error.cause.details)) throw error
      this.#authenticated = false
      await this.#authenticate(signal)
      return this.#unary(signal, request)
    }
  }

  async #authenticate(signal: AbortSignal): Promise<void> {
    const { credentials } = this.#options
    if (credentials === undefined || this.#authenticated) return
    const request = { name: credentials.username, password: credentials.password }
    // etcd 3.4 refuses every request with a stale token, even the request for a new one.
    this.#token = undefined
    try {
      const { token } = await this.#unary(signal, ({ auth }, options) => auth.authenticate(request, options))
      this.#token = token
    } catch (error) {
      // Auth is switched off in etcd: continue without a token, as etcd's own client does.
      if (!(error instanceof Failure && error.message.includes('authentication is not enabled'))) throw error
    }
    this.#authenticated = true
  }

  async #unary<T>(signal: AbortSignal, request: Request<T>): Promise<T> {
    const { call, etcd } = await this.#start(signal)
    try {
      return await request(etcd, call.options)
    } catch (error) {
      signal.throwIfAborted()
      throw this.#failureOf(call) ?? this.#unexpected(error)
    } finally {
      signal.removeEventListener('abort', call.cancel)
      this.#calls.delete(call)
    }
  }

  /** Returns a call that the signal and `close()` cancel. */
  async #start(signal: AbortSignal): Promise<{ readonly call: GrpcCall; readonly etcd: EtcdClient }> {
    signal.throwIfAborted()
    const { channel, etcd } = this.#open ?? (await orAborted(this.#opened(), signal))
    const call = new GrpcCall(this.#token)
    this.#calls.add(call)
    channel.connect()
    signal.addEventListener('abort', call.cancel, { once: true })
    return { call, etcd }
  }

  #opened(): Promise<OpenConnection> {
    return (this.#opening ??= this.#resolveHost())
  }

  async #resolveHost(): Promise<OpenConnection> {
    const { certificates, endpoint, keepaliveMs } = this.#options
    const ipAddresses = await lookupHost(endpoint.host).catch((error: Error) => {
      throw this.#failure({ code: 14, details: '' }, error)
    })
    if (this.#closed) throw this.#failure({ code: 1, details: 'closed' })
    const channel = new EndpointChannel(endpoint, { ipAddresses, context: certificates?.context, keepaliveMs })
    return (this.#open = { channel, etcd: new EtcdClient(channel.channel) })
  }

  #failureOf({ failedStatus }: GrpcCall): Failure | undefined {
    return failedStatus === undefined ? undefined : this.#failureOfStatus(failedStatus)
  }

  #failureOfStatus(status: Status): Failure {
    // The error of Node says more than the text that grpc-js makes of it. A refused connection has no such error.
    const isLocal = status.code === 14 && !/etcdserver:|connect E|Received HTTP/.test(status.details)
    if (isExcessPings(status)) this.#options.onExcessPings()
    return this.#failure(status, isLocal ? this.#open?.channel.error : undefined)
  }

  #failure(status: Status, connectError?: Error): Failure {
    const { reason, summary, retryForMs } = classifyStatus(status, connectError)
    const cause = describeStatus(status, connectError)
    const message = `${this.#options.endpoint.url}: ${summary}${cause && ` (${cause})`}`
    const certificates = reason === 'tls-rejected' ? this.#options.certificates : undefined
    const hint = certificates && tlsHint(certificates, cause)
    const isRefusedPort = isLoopback(this.#options.endpoint.host) && cause.includes('ECONNREFUSED')
    const error = connectError ?? new StatusError(status)
    return new Failure(reason, message, { cause: error, retryForMs, isRefusedPort, ...hint })
  }

  /** Returns the failure for an error of etcd3 or grpc-js in a call that etcd ended with success. */
  #unexpected(error: unknown): Failure {
    return error instanceof Failure ? error : this.#invalidResponse(messageOf(error), error)
  }

  #invalidResponse(details: string, cause?: unknown): Failure {
    const message = `${this.#options.endpoint.url}: invalid response from etcd (${oneLine(details)})`
    return new Failure('unavailable', message, { cause })
  }
}
