import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import type { Authority, CertificateRequest } from './certificates.ts'
import { unusedPort } from './net.ts'

export interface ApiserverOptions {
  /** The host that it listens on. @default '127.0.0.1' */
  readonly host?: string
  /** The HTTP status of every response. @default 401, as RKE2's apiserver responds to anonymous requests */
  readonly status?: number
  /** Fields of its certificate. @default the IP address is `host` */
  readonly certificate?: Partial<CertificateRequest>
  /** Handles each request instead. */
  readonly answer?: RequestListener
}

/** A TLS server in place of an apiserver. Its address stays the same when it stops and starts. */
export class Apiserver implements AsyncDisposable {
  readonly address: string
  /** `METHOD /path` of every request. */
  readonly requests: string[] = []
  status: number
  readonly #server: Server
  readonly #host: string
  readonly #port: number

  /** @internal */
  constructor(server: (answer: RequestListener) => Server, options: ApiserverOptions, port: number) {
    this.#host = options.host ?? '127.0.0.1'
    this.#port = port
    this.status = options.status ?? 401
    this.address = `${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${port}`
    this.#server = server((request, response) => {
      this.requests.push(`${request.method} ${request.url}`)
      if (options.answer !== undefined) return options.answer(request, response)
      response.writeHead(this.status).end()
    })
  }

  async start(): Promise<void> {
    this.#server.listen(this.#port, this.#host)
    await once(this.#server, 'listening')
  }

  /** Closes all connections; new ones are refused. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

export async function startApiserver(authority: Authority, options: ApiserverOptions = {}): Promise<Apiserver> {
  const { host = '127.0.0.1', certificate } = options
  const { cert, key } = await authority.issue({ commonName: 'kube-apiserver', ipAddresses: [host], ...certificate })
  const apiserver = new Apiserver((answer) => createServer({ cert, key }, answer), options, await unusedPort())
  await apiserver.start()
  return apiserver
}

/** Writes the CA of the apiservers to the path that RKE2 uses. */
export async function writeServerCa(dataDir: string, authority: Authority): Promise<void> {
  await mkdir(join(dataDir, 'server', 'tls'), { recursive: true })
  await writeFile(join(dataDir, 'server', 'tls', 'server-ca.crt'), authority.cert)
}
