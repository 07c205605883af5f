import type { Endpoint } from '../addresses/endpoint.ts'
import { withTimeout } from '../util/abort.ts'
import type { LinkedAbortController } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { isLookingUp } from '../util/lookup.ts'
import { CertificateReader } from './certificate-reader.ts'
import type { Certificates } from './certificates.ts'
import type { Connection } from './connection.ts'
import { Connections } from './connections.ts'
import type { EndpointBehaviour, EndpointReaderOptions } from './endpoint-options.ts'
import { Failure, mostInformative } from './failure.ts'
import { errorsOf, failedOrAfter, firstAnswer } from './first-answer.ts'
import type { Snapshot, SourceWatch } from './source.ts'

/** Whether the endpoint has refused the connection, or its certificates. */
const isRefused = (error: unknown): boolean =>
  error instanceof Failure && (error.reason === 'tls-rejected' || error.reason === 'unreachable')

const attemptTimedOut = new Error('attemptTimeoutMs is over')

/** Silent endpoints have this time, and at most half of the attempt, before the spare ones are read. */
const spareDelayMs = 3000

/** Reads and watches the list on whichever endpoint answers, with the certificate files as they are now. */
export class EndpointReader {
  readonly #options: EndpointReaderOptions
  readonly #behaviour: EndpointBehaviour
  readonly #clock: Clock
  readonly #certificates: CertificateReader
  readonly #connections: Connections
  /** The connections that the read in flight waits for. */
  readonly #reading = new Map<Endpoint, Connection>()
  /** The URLs of the endpoints that refused the last connection. */
  readonly #unreachable = new Set<string>()
  /** The endpoints of the options, in the order in which the next read tries them. */
  #order: readonly [Endpoint, ...Endpoint[]]
  /** The spare endpoint that answered last. It is read before all others. */
  #spare: Endpoint | undefined

  constructor(options: EndpointReaderOptions, clock: Clock, behaviour: EndpointBehaviour) {
    this.#options = options
    this.#behaviour = behaviour
    this.#clock = clock
    this.#certificates = new CertificateReader(options)
    this.#connections = new Connections(behaviour.connect)
    this.#order = options.endpoints
  }

  get endpoint(): string {
    return (this.#spare ?? this.#order[0]).url
  }

  get fingerprint(): string | undefined {
    return this.#certificates.fingerprint
  }

  /**
   * Returns the first answer of any endpoint. The next endpoint is read when the one before has failed or has been silent
   * for a while, so that a dead or frozen endpoint costs half a second and not the whole attempt.
   */
  async read(signal: AbortSignal): Promise<Snapshot> {
    const timedOut = () => attemptTimedOut
    return withTimeout(this.#clock, this.#options.attemptTimeoutMs, timedOut, signal, async (controller) => {
      try {
        const certificates = await this.#certificates.read(controller.signal)
        const read = (endpoint: Endpoint) => this.#readFrom(endpoint, certificates, controller)
        return await this.#firstAnswer(controller.signal, read)
      } catch (error) {
        signal.throwIfAborted()
        const [first, ...others] = this.#order
        const [next, ...rest] = [...others, first]
        this.#order = [next, ...rest]
        this.#spare = undefined
        throw mostInformative(errorsOf(error).filter((each) => each !== attemptTimedOut))
      }
    })
  }

  /** Opens the watch on the endpoint that answered the last read. */
  async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    const endpoint = this.#spare ?? this.#order[0]
    const connection = this.#connections.find(endpoint)
    if (connection === undefined) throw new Failure('unavailable', 'there is no connection to watch on')
    const reason = () => this.#behaviour.lateFailure(endpoint.url, connection.stage)
    return withTimeout(this.#clock, this.#options.attemptTimeoutMs, reason, signal, (controller) =>
      connection.watch(afterRevision, controller.signal),
    )
  }

  pending(): Failure | undefined {
    const [reading] = this.#reading
    if (reading === undefined) return this.#certificates.pending()
    return this.#behaviour.lateFailure(reading[0].url, reading[1].stage)
  }

  whenConnected(): Promise<void> {
    return this.#connections.whenConnected()
  }

  close(): void {
    this.#connections.close()
  }

  /** Returns the answer of the endpoints of the options or, when these fail or take too long, of a spare one. */
  #firstAnswer(signal: AbortSignal, read: (endpoint: Endpoint) => Promise<Snapshot>): Promise<Snapshot> {
    const timing = { timeMs: this.#options.attemptTimeoutMs, clock: this.#clock, signal }
    const { spareEndpoints } = this.#behaviour
    const known = this.#spare === undefined ? this.#order : [this.#spare, ...this.#order]
    const answer = firstAnswer(known, timing, read)
    if (spareEndpoints === undefined) return answer
    const spareAnswer = async () => {
      await failedOrAfter(answer, Math.min(spareDelayMs, timing.timeMs / 2), timing)
      const urls = new Set(known.map(({ url }) => url))
      return firstAnswer(
        (await spareEndpoints(signal)).filter(({ url }) => !urls.has(url)),
        timing,
        read,
      )
    }
    return Promise.any([answer, spareAnswer()])
  }

  async #readFrom(
    endpoint: Endpoint,
    certificates: Certificates | undefined,
    controller: LinkedAbortController,
  ): Promise<Snapshot> {
    if (this.#unreachable.has(endpoint.url)) await this.#waitForPort(endpoint, controller.signal)
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
      const snapshot = await connection.read(controller.signal)
      this.#prefer(endpoint)
      return snapshot
    } catch (error) {
      throw this.#onReadError(error, endpoint, connection, controller)
    } finally {
      this.#reading.delete(endpoint)
    }
  }

  /** Reads the endpoint that has answered first from now on, and keeps the connection to no other. */
  #prefer(endpoint: Endpoint): void {
    const isSpare = !this.#order.includes(endpoint)
    this.#spare = isSpare ? endpoint : undefined
    if (!isSpare) this.#order = [endpoint, ...this.#order.filter((other) => other !== endpoint)]
    this.#unreachable.delete(endpoint.url)
    this.#connections.keepOnly(endpoint)
  }

  #onReadError(error: unknown, endpoint: Endpoint, connection: Connection, controller: LinkedAbortController): unknown {
    if (error === attemptTimedOut) {
      const { stage } = connection
      // A connection in its handshake may be established later, which ends the wait early. A frozen one is useless.
      if (stage === 'ready') this.#connections.discard(endpoint)
      return this.#behaviour.lateFailure(endpoint.url, stage)
    }
    if (error instanceof Failure) {
      if (['unreachable', 'tls-rejected', 'rejected'].includes(error.reason)) this.#connections.discard(endpoint)
      if (error.reason === 'unreachable') this.#unreachable.add(endpoint.url)
      if (this.#behaviour.isClusterWide(error)) controller.abort(error)
    }
    return error
  }

  /** Checks the port first: during an outage most connections are refused, and a gRPC channel costs ten times as much. */
  async #waitForPort(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    const { checkPort, lateFailure } = this.#behaviour
    try {
      await checkPort?.(endpoint, signal)
    } catch (error) {
      if (error !== attemptTimedOut) throw error
      // The port does not refuse connections any more, so the next attempt needs no check.
      this.#unreachable.delete(endpoint.url)
      throw lateFailure(endpoint.url, isLookingUp(endpoint.host) ? 'resolving' : 'connecting')
    }
    this.#unreachable.delete(endpoint.url)
  }
}
