import type { Endpoint } from '../addresses/endpoint.ts'
import type { Certificates } from './certificates.ts'
import type { Connect, Connection } from './connection.ts'

interface OpenConnection {
  readonly connection: Connection
  readonly fingerprint: string | undefined
}

/** The open connections of one source, at most one for each endpoint, by its URL. */
export class Connections {
  readonly #connect: Connect
  readonly #open = new Map<string, OpenConnection>()
  /** Connections with former certificate files. Each is kept until one with the new files has answered. */
  readonly #former = new Map<string, OpenConnection>()
  #closed = false

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** Returns the open connection to an endpoint, if there is one. */
  find({ url }: Endpoint): Connection | undefined {
    return this.#open.get(url)?.connection
  }

  /** Returns a usable connection: the open one if it is established with the same certificates, else a new one. */
  async get(endpoint: Endpoint, certificates: Certificates | undefined, signal: AbortSignal): Promise<Connection> {
    const { url, secure } = endpoint
    const fingerprint = secure ? certificates?.fingerprint : undefined
    const existing = this.#open.get(url)
    // A connection that was not established during the last attempt never will be: the server may have been replaced.
    if (existing?.connection.stage === 'ready') {
      if (existing.fingerprint === fingerprint) return existing.connection
      // Only the connection in `#former` is known to work: `existing` has newer files, and has not answered yet.
      if (this.#former.has(url)) this.discard(endpoint)
      else this.#former.set(url, existing)
    } else {
      this.discard(endpoint)
    }
    const connection = await this.#connect(endpoint, secure ? certificates : undefined)
    if (this.#closed || signal.aborted) {
      connection.close()
      signal.throwIfAborted()
    }
    this.#open.set(url, { connection, fingerprint })
    return connection
  }

  /** Closes every connection but that to the endpoint that has answered, with the certificate files of now. */
  keepOnly({ url }: Endpoint): void {
    for (const { connection } of this.#former.values()) connection.close()
    this.#former.clear()
    for (const [other, { connection }] of this.#open) {
      if (other === url) continue
      connection.close()
      this.#open.delete(other)
    }
  }

  /**
   * Returns to the connection with former certificate files, if there is one that is still established: the server does
   * not accept the new files, or not yet. Go, and so etcd, reads the CA of the clients only when it starts.
   */
  restore(endpoint: Endpoint): Connection | undefined {
    const former = this.#former.get(endpoint.url)
    if (former?.connection.stage !== 'ready') return undefined
    this.#former.delete(endpoint.url)
    this.discard(endpoint)
    this.#open.set(endpoint.url, former)
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
  discard({ url }: Endpoint): void {
    this.#open.get(url)?.connection.close()
    this.#open.delete(url)
  }

  close(): void {
    this.#closed = true
    for (const { connection } of [...this.#open.values(), ...this.#former.values()]) connection.close()
    this.#open.clear()
    this.#former.clear()
  }
}
