import { expect, onTestFinished } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import type { Reason } from '../../src/errors.ts'
import type { ResolveOptions, WatchOptions } from '../../src/index.ts'
import { defaultDataDir } from '../../src/rke2.ts'
import type { Connection, Stage } from '../../src/sources/connection.ts'
import { sourceDefaults } from '../../src/sources/defaults.ts'
import { EtcdSource } from '../../src/sources/etcd/etcd-source.ts'
import type { EtcdConnectionOptions, EtcdSourceOptions } from '../../src/sources/etcd/options.ts'
import { Failure } from '../../src/sources/failure.ts'
import { etcdSetup } from '../../src/sources/setup.ts'
import type { Snapshot } from '../../src/sources/source.ts'
import { VirtualClock } from './clock.ts'

/** Returns the options of a source that reads etcd, as a call on a server with embedded etcd has them. */
export function etcdOptions(options: WatchOptions): EtcdSourceOptions {
  const config = parseOptions(options, 'watch')
  const { credentials, logger, dataDir = defaultDataDir('rke2') } = config
  const attemptTimeoutMs = config.attemptTimeoutMs ?? sourceDefaults.etcd.attemptTimeoutMs
  return { ...etcdSetup(config, { distribution: 'rke2', dataDir }), credentials, logger, attemptTimeoutMs }
}

/** What a {@link ControlledConnection} answers. */
export const snapshot: Snapshot = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 7n }

export const failureOf = (reason: Reason): Failure => new Failure(reason, `it is ${reason}`)

/**
 * A connection that connects, answers and fails when the test says so, for the order in which `EtcdSource` reads its
 * endpoints. It has no key: a `FakeEtcd` has one.
 */
export class ControlledConnection implements Connection {
  readonly options: EtcdConnectionOptions
  stage: Stage = 'connecting'
  closed = false
  reads = 0
  watches = 0
  readonly #ready = Promise.withResolvers<void>()
  #response = Promise.withResolvers<Snapshot>()

  constructor(options: EtcdConnectionOptions) {
    this.options = options
  }

  get host(): string {
    return this.options.endpoint.host
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    this.reads++
    return this.#respond(signal)
  }

  async watch(_afterRevision: bigint, signal: AbortSignal): Promise<never> {
    this.watches++
    return this.#respond(signal) as Promise<never>
  }

  /** Ends all reads and watches with success, until `hold()` is called. */
  answer(): void {
    this.stage = 'ready'
    this.#response.resolve(snapshot)
  }

  fail(reason: Reason): void {
    this.#response.reject(failureOf(reason))
  }

  /** Leaves the following reads and watches without an answer. */
  hold(): void {
    this.#response = Promise.withResolvers()
  }

  becomeReady(): void {
    this.stage = 'ready'
    this.#ready.resolve()
  }

  whenReady(): Promise<void> {
    return this.#ready.promise
  }

  close(): void {
    this.closed = true
  }

  async #respond(signal: AbortSignal): Promise<Snapshot> {
    const aborted = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
    return Promise.race([this.#response.promise, aborted.promise])
  }
}

interface StartOptions extends ResolveOptions {
  /** How long it takes to make a connection. */
  readonly connectDelayMs?: number
  /** Leaves port checks pending; by default every port is open. */
  readonly holdPortChecks?: boolean
}

/**
 * Starts a source with the plain-text endpoints a, b, c… over controlled connections.
 *
 * The test fails if a sleep of the source is left at its end.
 */
export function startSource(
  hosts: string,
  { connectDelayMs = 0, holdPortChecks = false, ...options }: StartOptions = {},
) {
  const clock = new VirtualClock()
  onTestFinished(() => expect(clock.sleeping).toBe(0))
  /** Every connection that was made, in order. */
  const connections: ControlledConnection[] = []
  const portChecks: PromiseWithResolvers<void>[] = []
  const endpoints = hosts.split('').map((host) => `http://${host}:2379`)
  const connect = async (connectionOptions: EtcdConnectionOptions) => {
    if (connectDelayMs > 0) await clock.sleep(connectDelayMs, new AbortController().signal)
    const connection = new ControlledConnection(connectionOptions)
    connections.push(connection)
    return connection
  }
  const checkPort = (_endpoint: unknown, signal: AbortSignal) => {
    const check = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => check.reject(signal.reason), { once: true })
    if (!holdPortChecks) check.resolve()
    portChecks.push(check)
    return check.promise
  }
  const source = new EtcdSource(etcdOptions({ endpoints, ...options }), clock, connect, checkPort)
  return {
    clock,
    source,
    connections,
    portChecks,
    /** The hosts of all connections, in the order in which they were made. */
    connectedHosts: () => connections.map(({ host }) => host).join(''),
    latest: (host: string) => connections.findLast((connection) => connection.host === host)!,
    read: (signal = new AbortController().signal) => {
      const result = source.read(signal)
      result.catch(() => {})
      return result
    },
  }
}
