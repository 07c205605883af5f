import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { splitAddress } from '../../../src/addresses/host-port.ts'
import { reset, unusedPort } from '../net.ts'

/**
 * The load balancer of an agent. It forwards each connection to the first server that accepts it, closes the connection
 * when no server does, and keeps to a server that is frozen.
 */
export class LoadBalancer implements AsyncDisposable {
  readonly url: string
  /** The addresses of the servers, in the order in which they are tried. */
  servers: readonly string[]
  connections = 0
  readonly #port: number
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  /** @internal */
  constructor(servers: readonly string[], port: number) {
    this.servers = servers
    this.#port = port
    this.url = `https://127.0.0.1:${port}`
    this.#server = createServer((client) => void this.#forward(client))
  }

  async start(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  async #forward(client: Socket): Promise<void> {
    this.connections++
    this.#own(client)
    for (const server of this.servers) {
      const upstream = this.#own(connect(splitAddress(server)))
      const isAccepted = await once(upstream, 'connect').then(
        () => true,
        () => false,
      )
      if (!isAccepted) continue
      client.pipe(upstream).pipe(client)
      client.once('close', () => upstream.destroy())
      upstream.once('close', () => client.destroy())
      return
    }
    reset(client)
  }

  #own(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }
}

export async function startLoadBalancer(...servers: readonly string[]): Promise<LoadBalancer> {
  const balancer = new LoadBalancer(servers, await unusedPort())
  await balancer.start()
  return balancer
}
