import type { Config } from '../../call/config.ts'
import { LinkedAbortController } from '../../util/abort.ts'
import type { Clock } from '../../util/clock.ts'
import { Failure } from '../reasons.ts'
import { CertificateReader } from './certificate-reader.ts'
import type { Certificates } from './certificates.ts'
import { checkPort } from './check-port.ts'
import type { Connection, ConnectionOptions } from './connection.ts'
import { closest, late, speaksForAll } from './failures.ts'
import type { Snapshot, SourceWatch } from './watch-stream.ts'

export type Connect = (options: ConnectionOptions) => Promise<Connection>
export type CheckPort = (endpoint: string, signal: AbortSignal) => Promise<void>

/** Loads the etcd client with the first connection: 80 to 100 ms that importing this package must not cost. */
const connect: Connect = async (options) => (await import('./connection.ts')).connect(options)

interface Open {
  readonly connection: Connection
  readonly fingerprint: string | undefined
}

/** After this long without an answer, the next endpoint is asked as well. */
const hedgeMs = 500

const timedOut = new Error('attemptTimeoutMs is over')

/** Where the key is read: all endpoints, failed over, over connections that follow the certificate files. */
export class EtcdSource {
  readonly #config: Config
  readonly #clock: Clock
  readonly #connect: Connect
  readonly #checkPort: CheckPort
  readonly #open = new Map<string, Open>()
  /** What the read in flight is waiting for. */
  readonly #asked = new Map<string, Connection>()
  /** Endpoints that could not be reached when they were asked last. */
  readonly #unreachable = new Set<string>()
  readonly #certificates: CertificateReader
  #endpoints: readonly string[]
  #closed = false

  constructor(config: Config, clock: Clock, connectTo: Connect = connect, knockAt: CheckPort = checkPort) {
    this.#config = config
    this.#clock = clock
    this.#connect = connectTo
    this.#checkPort = knockAt
    this.#certificates = new CertificateReader(config)
    this.#endpoints = config.endpoints
  }

  /** The one that answered last, or that is asked first. */
  get endpoint(): string {
    return this.#endpoints[0] ?? ''
  }

  /** Of the certificate files as last read: what a TLS failure is about. */
  get fingerprint(): string | undefined {
    return this.#certificates.fingerprint
  }

  /**
   * One linearizable read, from the first endpoint that answers within `attemptTimeoutMs`. The next endpoint is asked
   * when the one before has failed, or is slow; a dead or frozen one costs half a second, and not the attempt.
   *
   * @throws Failure the one closest to an answer; final only if every endpoint's is
   */
  async read(signal: AbortSignal): Promise<Snapshot> {
    const controller = new LinkedAbortController(signal)
    this.#clock.sleep(this.#config.attemptTimeoutMs, controller.signal).then(
      () => controller.abort(timedOut),
      () => {},
    )
    try {
      const certificates = await this.#certificates.read(controller.signal)
      const asked: Promise<Snapshot>[] = []
      for (const [index, endpoint] of this.#endpoints.entries()) {
        asked.push(
          this.#inTurn(index, asked.at(-1), controller.signal).then(() =>
            this.#ask(endpoint, certificates, controller),
          ),
        )
      }
      return await Promise.any(asked)
    } catch (error) {
      signal.throwIfAborted()
      this.#endpoints = [...this.#endpoints.slice(1), ...this.#endpoints.slice(0, 1)]
      const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
      throw closest(errors.filter((each) => each !== timedOut))
    } finally {
      controller.end()
    }
  }

  /** What the read in flight is waiting for, if it is late. */
  pending(): Failure | undefined {
    const [asked] = this.#asked
    return asked === undefined ? this.#certificates.pending() : late(asked[0], asked[1].stage)
  }

  /** Changes after a reading, from the endpoint that gave it. Bounded by `attemptTimeoutMs`. */
  async watch(after: bigint, signal: AbortSignal): Promise<SourceWatch> {
    const { endpoint } = this
    const open = this.#open.get(endpoint)
    if (open === undefined) throw new Failure('unavailable', 'there is no connection to watch on')
    const controller = new LinkedAbortController(signal)
    this.#clock.sleep(this.#config.attemptTimeoutMs, controller.signal).then(
      () => controller.abort(late(endpoint, open.connection.stage)),
      () => {},
    )
    try {
      return await open.connection.watch(this.#config.key, after, controller.signal)
    } finally {
      controller.end()
    }
  }

  /** Resolves when a connection stands that was still being made when its read ended; may never. */
  async whenConnected(): Promise<void> {
    const connecting = [...this.#open.values()]
      .map(({ connection }) => connection)
      .filter(({ stage }) => stage !== 'ready')
    await (connecting.length === 0
      ? new Promise(() => {})
      : Promise.race(connecting.map((connection) => connection.whenReady())))
  }

  close(): void {
    this.#closed = true
    for (const endpoint of this.#open.keys()) this.#discard(endpoint)
  }

  /** Waits until the endpoint before has failed, or has had `hedgeMs`. */
  async #inTurn(index: number, before: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
    if (before === undefined) return
    const stagger = Math.min(hedgeMs, this.#config.attemptTimeoutMs / (this.#endpoints.length + 1))
    const failed = before.then(
      () => new Promise<never>(() => {}),
      () => {},
    )
    await Promise.race([failed, this.#clock.sleep(index * stagger, signal)])
  }

  async #ask(
    endpoint: string,
    certificates: Certificates | undefined,
    controller: LinkedAbortController,
  ): Promise<Snapshot> {
    if (this.#unreachable.has(endpoint)) await this.#waitForPort(endpoint, controller.signal)
    const { connection } = await this.#connection(endpoint, certificates, controller.signal)
    this.#asked.set(endpoint, connection)
    try {
      const reading = await connection.read(this.#config.key, controller.signal)
      // Stays with the endpoint that answers, and keeps no other connection.
      this.#endpoints = [endpoint, ...this.#endpoints.filter((other) => other !== endpoint)]
      for (const other of this.#endpoints.slice(1)) this.#discard(other)
      return reading
    } catch (error) {
      if (error === timedOut) {
        const { stage } = connection
        // One that is still being made may yet stand: that ends the wait early. One that is frozen is no use.
        if (stage === 'ready') this.#discard(endpoint)
        throw late(endpoint, stage)
      }
      if (error instanceof Failure) {
        if (['unreachable', 'tls-rejected', 'rejected'].includes(error.reason)) this.#discard(endpoint)
        if (error.reason === 'unreachable') this.#unreachable.add(endpoint)
        if (speaksForAll(error)) controller.abort(error)
      }
      throw error
    } finally {
      this.#asked.delete(endpoint)
    }
  }

  /** A long outage is mostly connections that are refused, and a channel costs ten times as much as one of these. */
  async #waitForPort(endpoint: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#checkPort(endpoint, signal)
    } catch (error) {
      if (error !== timedOut) throw error
      // Next time by a channel: one that comes to stand late ends the wait.
      this.#unreachable.delete(endpoint)
      throw late(endpoint, 'connecting')
    }
    this.#unreachable.delete(endpoint)
  }

  async #connection(endpoint: string, certificates: Certificates | undefined, signal: AbortSignal): Promise<Open> {
    const https = endpoint.startsWith('https:')
    const fingerprint = https ? certificates?.fingerprint : undefined
    const existing = this.#open.get(endpoint)
    // A connection that has not come to stand since the last attempt never will: its peer may have been replaced.
    if (existing !== undefined && existing.connection.stage === 'ready' && existing.fingerprint === fingerprint) {
      return existing
    }
    this.#discard(endpoint)
    const connection = await this.#connect({
      endpoint,
      certificates: https ? certificates : undefined,
      credentials: this.#config.credentials,
    })
    if (this.#closed || signal.aborted) {
      connection.close()
      signal.throwIfAborted()
    }
    const open = { connection, fingerprint }
    this.#open.set(endpoint, open)
    return open
  }

  #discard(endpoint: string): void {
    this.#open.get(endpoint)?.connection.close()
    this.#open.delete(endpoint)
  }
}
