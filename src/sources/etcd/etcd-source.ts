import type { Endpoint } from '../../addresses/endpoint.ts'
import { withTimeout } from '../../util/abort.ts'
import type { LinkedAbortController } from '../../util/abort.ts'
import type { Clock } from '../../util/clock.ts'
import { isLookingUp } from '../../util/lookup.ts'
import { Failure, mostInformative } from '../failure.ts'
import type { Snapshot, Source, SourceWatch } from '../source.ts'
import { CertificateReader } from '../certificate-reader.ts'
import type { Certificates } from '../certificates.ts'
import { checkPort } from './check-port.ts'
import type { CheckPort } from './check-port.ts'
import type { Connection } from './connection.ts'
import { Connections, connectToEtcd } from './connections.ts'
import type { Connect } from './connections.ts'
import { lateFailure } from './late.ts'
import type { EtcdSourceOptions } from './options.ts'

/** After this time without an answer, the next endpoint is read as well. */
const hedgeMs = 500

/** Whether the endpoint has refused the connection, or its certificates. */
const isRefused = (error: unknown): boolean =>
  error instanceof Failure && (error.reason === 'tls-rejected' || error.reason === 'unreachable')

const attemptTimedOut = new Error('attemptTimeoutMs is over')

/** Reads and watches the key in etcd, on whichever endpoint answers, with the certificate files as they are now. */
export class EtcdSource implements Source {
  readonly #options: EtcdSourceOptions
  readonly #clock: Clock
  readonly #checkPort: CheckPort
  readonly #certificates: CertificateReader
  readonly #connections: Connections
  /** The connections that the read in flight waits for. */
  readonly #reading = new Map<Endpoint, Connection>()
  /** The endpoints that refused the last connection. */
  readonly #unreachable = new Set<Endpoint>()
  /** The endpoints in the order in which the next read tries them. */
  #endpoints: readonly [Endpoint, ...Endpoint[]]

  constructor(
    options: EtcdSourceOptions,
    clock: Clock,
    connect: Connect = connectToEtcd,
    check: CheckPort = checkPort,
  ) {
    this.#options = options
    this.#clock = clock
    this.#checkPort = check
    this.#certificates = new CertificateReader(options)
    this.#connections = new Connections(connect, options.credentials)
    this.#endpoints = options.endpoints
  }

  get endpoint(): string {
    return this.#endpoints[0].url
  }

  get fingerprint(): string | undefined {
    return this.#certificates.fingerprint
  }

  /**
   * Returns the first answer of any endpoint. The next endpoint is read when the one before has failed or has been silent
   * for a while, so that a dead or frozen endpoint costs half a second and not the whole attempt.
   */
  async read(signal: AbortSignal): Promise<Snapshot> {
    const { attemptTimeoutMs } = this.#options
    return withTimeout(
      this.#clock,
      attemptTimeoutMs,
      () => attemptTimedOut,
      signal,
      async (controller) => {
        try {
          const certificates = await this.#certificates.read(controller.signal)
          const reads: Promise<Snapshot>[] = []
          for (const [index, endpoint] of this.#endpoints.entries()) {
            const turn = this.#waitForTurn(index, reads.at(-1), controller.signal)
            reads.push(turn.then(() => this.#readFrom(endpoint, certificates, controller)))
          }
          return await Promise.any(reads)
        } catch (error) {
          signal.throwIfAborted()
          const [first, ...others] = this.#endpoints
          const [next, ...rest] = [...others, first]
          this.#endpoints = [next, ...rest]
          const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
          throw mostInformative(errors.filter((each) => each !== attemptTimedOut))
        }
      },
    )
  }

  /** Opens the watch on the endpoint that answered the last read. */
  async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    const [endpoint] = this.#endpoints
    const connection = this.#connections.find(endpoint)
    if (connection === undefined) throw new Failure('unavailable', 'there is no connection to watch on')
    const { attemptTimeoutMs, key } = this.#options
    const reason = () => lateFailure(endpoint.url, connection.stage)
    return withTimeout(this.#clock, attemptTimeoutMs, reason, signal, (controller) =>
      connection.watch(key, afterRevision, controller.signal),
    )
  }

  pending(): Failure | undefined {
    const [reading] = this.#reading
    return reading === undefined ? this.#certificates.pending() : lateFailure(reading[0].url, reading[1].stage)
  }

  whenConnected(): Promise<void> {
    return this.#connections.whenConnected()
  }

  close(): void {
    this.#connections.close()
  }

  /** Resolves when the endpoint before has failed, or has had its share of the time. */
  async #waitForTurn(index: number, before: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
    if (before === undefined) return
    const delayMs = Math.min(hedgeMs, this.#options.attemptTimeoutMs / (this.#endpoints.length + 1))
    const failed = before.then(
      () => new Promise<never>(() => {}),
      () => {},
    )
    await Promise.race([failed, this.#clock.sleep(index * delayMs, signal)])
  }

  async #readFrom(
    endpoint: Endpoint,
    certificates: Certificates | undefined,
    controller: LinkedAbortController,
  ): Promise<Snapshot> {
    if (this.#unreachable.has(endpoint)) await this.#waitForPort(endpoint, controller.signal)
    const connection = await this.#connections.get(endpoint, certificates, controller.signal)
    try {
      return await this.#readOver(connection, endpoint, controller)
    } catch (error) {
      const former = isRefused(error) ? this.#connections.restore(endpoint) : undefined
      if (former === undefined) throw error
      return await this.#readOver(former, endpoint, controller)
    }
  }

  async #readOver(connection: Connection, endpoint: Endpoint, controller: LinkedAbortController): Promise<Snapshot> {
    this.#reading.set(endpoint, connection)
    try {
      const snapshot = await connection.read(this.#options.key, controller.signal)
      this.#prefer(endpoint)
      return snapshot
    } catch (error) {
      throw this.#onReadError(error, endpoint, connection, controller)
    } finally {
      this.#reading.delete(endpoint)
    }
  }

  /** Keeps the connection to the endpoint that has answered, and no other. */
  #prefer(endpoint: Endpoint): void {
    const others = this.#endpoints.filter((other) => other !== endpoint)
    this.#endpoints = [endpoint, ...others]
    this.#unreachable.delete(endpoint)
    this.#connections.confirm(endpoint)
    for (const other of others) {
      this.#connections.confirm(other)
      this.#connections.discard(other)
    }
  }

  #onReadError(error: unknown, endpoint: Endpoint, connection: Connection, controller: LinkedAbortController): unknown {
    if (error === attemptTimedOut) {
      const { stage } = connection
      // A connection that is still being made may be established later, which ends the wait early. A frozen one is useless.
      if (stage === 'ready') this.#connections.discard(endpoint)
      return lateFailure(endpoint.url, stage)
    }
    if (error instanceof Failure) {
      if (['unreachable', 'tls-rejected', 'rejected'].includes(error.reason)) this.#connections.discard(endpoint)
      if (error.reason === 'unreachable') this.#unreachable.add(endpoint)
      if (error.isClusterWide) controller.abort(error)
    }
    return error
  }

  /** Checks the port first: during an outage most connections are refused, and a gRPC channel costs ten times as much. */
  async #waitForPort(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    try {
      await this.#checkPort(endpoint, signal)
    } catch (error) {
      if (error !== attemptTimedOut) throw error
      // The next attempt uses a channel, because one that is established late ends the wait.
      this.#unreachable.delete(endpoint)
      throw lateFailure(endpoint.url, isLookingUp(endpoint.host) ? 'resolving' : 'connecting')
    }
    this.#unreachable.delete(endpoint)
  }
}
