import type { CallOptions } from '@grpc/grpc-js'
import type { Endpoint } from '../../addresses/endpoint.ts'
import { messageOf, oneLine } from '../../util/text.ts'
import { Failure } from '../failure.ts'
import type { Snapshot, SourceWatch } from '../source.ts'
import type { Certificates } from './certificates.ts'
import { EndpointChannel } from './channel.ts'
import { classifyStatus, describeStatus } from './classify.ts'
import type { Status } from './classify.ts'
import { EtcdClient } from './client.ts'
import type { Credentials } from './etcd-source.ts'
import { GrpcCall, StatusError } from './grpc-call.ts'
import type { Stage } from './late.ts'
import { revisions, WatchStream } from './watch-stream.ts'
import type { RawWatchStream } from './watch-stream.ts'

/** One connection to one endpoint. Nothing in it retries. */
export interface Connection {
  /** How far the connection has got. */
  readonly stage: Stage
  /** Reads the key linearizably. The signal is the only deadline. */
  read(key: string, signal: AbortSignal): Promise<Snapshot>
  /** Resolves when etcd has confirmed the watch. */
  watch(key: string, afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch>
  /** Resolves when the connection is established; never, if it is closed before. */
  whenReady(): Promise<void>
  /** Ends all calls and destroys the socket. */
  close(): void
}

export interface ConnectionOptions {
  readonly endpoint: Endpoint
  /** The certificates of an endpoint with `https:`. */
  readonly certificates: Certificates | undefined
  readonly credentials: Credentials | undefined
}

/** Returns a connection to one endpoint. It starts to connect with the first call. */
export const connect = async (options: ConnectionOptions): Promise<Connection> => new EtcdConnection(options)

/** etcd's errors for a token that it no longer knows, that is older than the last change of permissions, or is missing. */
const staleToken = /invalid auth token|revision of auth store is old|user name is empty/

/** A `WatchResponse` with one event of an empty key. */
const anEvent = Buffer.from('5a0412020a00', 'hex')

class EtcdConnection implements Connection {
  readonly #options: ConnectionOptions
  readonly #channel: EndpointChannel
  readonly #etcd: EtcdClient
  readonly #calls = new Set<GrpcCall>()
  #token: string | undefined
  #authenticated = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#channel = new EndpointChannel(options.endpoint, options.certificates?.context)
    this.#etcd = new EtcdClient(this.#channel.channel)
  }

  get stage(): Stage {
    return this.#channel.stage
  }

  whenReady(): Promise<void> {
    return this.#channel.whenReady()
  }

  async read(key: string, signal: AbortSignal): Promise<Snapshot> {
    const request = { key: Buffer.from(key), limit: 1 }
    const response = await this.#authorized(signal, (options) => this.#etcd.kv.range(request, options))
    const [kv] = response.kvs
    const [revision, modRevision] = revisions(response.header, kv)
    if (revision <= 0n || (kv !== undefined && modRevision <= 0n)) throw this.#invalidResponse('no revision')
    const [createRevision, version] = [BigInt(kv?.create_revision ?? 0), BigInt(kv?.version ?? 0)]
    return { value: kv?.value, modRevision, createRevision, version, revision }
  }

  async watch(key: string, afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    const call = this.#start(signal)
    try {
      const stream = (await this.#etcd.watch.watch(call.options)) as RawWatchStream
      const reason = () => this.#failureOf(call) ?? this.#failure({ code: 14, details: 'the stream ended' })
      const watch = new WatchStream(stream, reason, () => this.#calls.delete(call))
      const start_revision = String(afterRevision + 1n)
      // With fragments, a long history is not refused for being larger than one message may be.
      stream.write({ create_request: { key: Buffer.from(key), start_revision, fragment: true } })
      await watch.created
      // Warms up the decoder now, while there is nothing to decode.
      call.decode(anEvent)
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
    for (const call of this.#calls) call.cancel()
    this.#channel.close()
  }

  /** Makes a call with a token, if there are credentials, and renews a token that etcd no longer accepts once. */
  async #authorized<T>(signal: AbortSignal, request: (options: CallOptions) => Promise<T>): Promise<T> {
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
      this.#token = (await this.#unary(signal, (options) => this.#etcd.auth.authenticate(request, options))).token
    } catch (error) {
      // Auth is switched off in etcd: continue without a token, as etcd's own client does.
      if (!(error instanceof Failure && error.message.includes('authentication is not enabled'))) throw error
    }
    this.#authenticated = true
  }

  async #unary<T>(signal: AbortSignal, request: (options: CallOptions) => Promise<T>): Promise<T> {
    const call = this.#start(signal)
    try {
      return await request(call.options)
    } catch (error) {
      signal.throwIfAborted()
      throw this.#failureOf(call) ?? this.#unexpected(error)
    } finally {
      signal.removeEventListener('abort', call.cancel)
      this.#calls.delete(call)
    }
  }

  /** Returns a call that the signal and `close()` cancel. */
  #start(signal: AbortSignal): GrpcCall {
    signal.throwIfAborted()
    const call = new GrpcCall(this.#token)
    this.#calls.add(call)
    this.#channel.connect()
    signal.addEventListener('abort', call.cancel, { once: true })
    return call
  }

  #failureOf({ failedStatus }: GrpcCall): Failure | undefined {
    return failedStatus === undefined ? undefined : this.#failure(failedStatus)
  }

  #failure(status: Status): Failure {
    // The error of Node says more than the text that grpc-js makes of it. A refused connection has no such error.
    const local = status.code === 14 && !/etcdserver:|connect E|Received HTTP/.test(status.details)
    const connectError = local ? this.#channel.error : undefined
    const { reason, summary } = classifyStatus(status, connectError)
    const cause = describeStatus(status, connectError)
    const message = `${this.#options.endpoint.url}: ${summary}${cause && ` (${cause})`}`
    const files = reason === 'tls-rejected' ? this.#options.certificates?.files : undefined
    const hint = files && `the CA is ${files.caFile}, the client certificate ${files.certFile}`
    return new Failure(reason, message, { cause: connectError ?? new StatusError(status), hint })
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
