import type { Endpoint } from '../../addresses/endpoint.ts'
import { loadPart } from '../load-part.ts'
import type { Certificates } from '../certificates.ts'
import type { Connection, ConnectionOptions } from './connection.ts'
import type { Credentials } from './options.ts'

/** Opens a connection to one endpoint. A test gives its own. */
export type Connect = (options: ConnectionOptions) => Promise<Connection>

/** Loads the etcd client with the first connection: importing this package must not cost those 80 to 100 ms. */
export const connectToEtcd: Connect = async (options) =>
  (await loadPart(() => import('./etcd-connection.ts'))).connect(options)

interface OpenConnection {
  readonly connection: Connection
  readonly fingerprint: string | undefined
}

/** etcd answers pings more often than every 5 s with GOAWAY; `etcd grpc-proxy` of 3.4 more often than every 5 minutes. */
const firstKeepaliveMs = 10_000
const longestKeepaliveMs = 300_000

/** The open connections of one source, at most one for each endpoint. */
export class Connections {
  readonly #connect: Connect
  readonly #credentials: Credentials | undefined
  readonly #open = new Map<Endpoint, OpenConnection>()
  /** Connections with former certificate files. Each is kept until one with the new files has answered. */
  readonly #former = new Map<Endpoint, OpenConnection>()
  /** Milliseconds between two pings, for an endpoint that has refused more frequent ones. */
  readonly #keepaliveMs = new Map<Endpoint, number>()
  #closed = false

  constructor(connect: Connect, credentials: Credentials | undefined) {
    this.#connect = connect
    this.#credentials = credentials
  }

  /** Returns the open connection to an endpoint, if there is one. */
  find(endpoint: Endpoint): Connection | undefined {
    return this.#open.get(endpoint)?.connection
  }

  /** Returns a usable connection: the open one if it is established with the same certificates, else a new one. */
  async get(endpoint: Endpoint, certificates: Certificates | undefined, signal: AbortSignal): Promise<Connection> {
    const fingerprint = endpoint.secure ? certificates?.fingerprint : undefined
    const existing = this.#open.get(endpoint)
    // A connection that was not established during the last attempt never will be: the server may have been replaced.
    if (existing?.connection.stage === 'ready') {
      if (existing.fingerprint === fingerprint) return existing.connection
      // A connection with former files that is still there has answered; this one has not.
      if (this.#former.has(endpoint)) this.discard(endpoint)
      else this.#former.set(endpoint, existing)
    } else {
      this.discard(endpoint)
    }
    const keepaliveMs = this.#keepaliveMs.get(endpoint) ?? firstKeepaliveMs
    const connection = await this.#connect({
      endpoint,
      certificates: endpoint.secure ? certificates : undefined,
      credentials: this.#credentials,
      keepaliveMs,
      onExcessPings: () => this.#keepaliveMs.set(endpoint, Math.min(2 * keepaliveMs, longestKeepaliveMs)),
    })
    if (this.#closed || signal.aborted) {
      connection.close()
      signal.throwIfAborted()
    }
    this.#open.set(endpoint, { connection, fingerprint })
    return connection
  }

  /** Closes the connection with former certificate files: one with the new files has answered. */
  confirm(endpoint: Endpoint): void {
    this.#former.get(endpoint)?.connection.close()
    this.#former.delete(endpoint)
  }

  /**
   * Returns to the connection with former certificate files, if there is one that is still established: etcd does not
   * accept the new files, or not yet. Go, and so etcd, reads the CA of the clients only when it starts.
   */
  restore(endpoint: Endpoint): Connection | undefined {
    const former = this.#former.get(endpoint)
    if (former?.connection.stage !== 'ready') return undefined
    this.#former.delete(endpoint)
    this.discard(endpoint)
    this.#open.set(endpoint, former)
    return former.connection
  }

  /** Resolves when one of the connections that are being made is established. May never resolve. */
  async whenConnected(): Promise<void> {
    const connecting = [...this.#open.values()].filter(({ connection }) => connection.stage !== 'ready')
    await (connecting.length === 0
      ? new Promise(() => {})
      : Promise.race(connecting.map(({ connection }) => connection.whenReady())))
  }

  /** Closes the connection to one endpoint, if there is one. */
  discard(endpoint: Endpoint): void {
    this.#open.get(endpoint)?.connection.close()
    this.#open.delete(endpoint)
  }

  close(): void {
    this.#closed = true
    for (const endpoint of this.#open.keys()) this.discard(endpoint)
    for (const endpoint of this.#former.keys()) this.confirm(endpoint)
  }
}
