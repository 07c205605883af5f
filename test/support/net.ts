import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { Transform } from 'node:stream'

// Below the range of ports that the kernel uses for outgoing connections. Each worker of vitest has its own ports.
const ports = 2000
const firstPort = 15_000 + ports * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 8)
let portsGiven = Math.floor(Math.random() * ports)

/** Returns a TCP port on which nothing listens. It is returned once, so that a stopped server can use it again. */
export async function unusedPort(): Promise<number> {
  for (;;) {
    const port = firstPort + (portsGiven++ % ports)
    const server = net.createServer()
    try {
      await listen(server, port)
      return port
    } catch {
      continue // taken
    } finally {
      server.close()
    }
  }
}

async function listen(server: net.Server, port: number, host = '127.0.0.1'): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

/** A TCP proxy that produces faults. */
export interface Proxy extends AsyncDisposable {
  readonly port: number
  /** The URL of the target with the port of the proxy, if the target was given as a URL. */
  readonly endpoint: string
  /** The number of connections accepted so far. */
  readonly connections: number
  /** The number of these connections that the client has not closed. */
  readonly open: number
  /** Forwards new connections. Black-holed connections stay silent, as after a firewall has lost their state. */
  pass(): Promise<void>
  /** Refuses new connections; open ones continue. */
  refuse(): Promise<void>
  /** Accepts connections, but forwards and closes nothing from now on, also on connections that are already open. */
  blackhole(): Promise<void>
  /** Forwards new connections to another target. */
  retarget(target: string): void
  /** Delays the data of all connections by this time in each direction. */
  delay(ms: number): void
  /** Ends every open connection with a TCP reset; new ones are handled as before. */
  reset(): void
  close(): Promise<void>
}

/** Starts a TCP proxy on this machine that forwards connections, and produces faults when the test says so. */
export async function startProxy(target: string | number, host: '127.0.0.1' | '::1' = '127.0.0.1'): Promise<Proxy> {
  let url = new URL(typeof target === 'number' ? `tcp://127.0.0.1:${target}` : target)
  const flows = new Set<Flow>()
  let connections = 0
  let silent = false
  let delayMs = 0

  // Half-open sockets: when one side ends its connection, a silent proxy must not end it, too.
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections++
    const flow = new Flow(client, () => delayMs)
    flows.add(flow)
    client.on('close', () => flows.delete(flow))
    if (silent) flow.blackhole()
    else flow.connect(Number(url.port), url.hostname)
  })
  const port = await unusedPort()
  const startListening = async (): Promise<void> => {
    if (!server.listening) await listen(server, port, host)
  }
  await startListening()

  const proxy: Proxy = {
    port,
    endpoint: `${url.protocol}//${host === '::1' ? '[::1]' : host}:${port}`,
    get connections() {
      return connections
    },
    get open() {
      return [...flows].filter(({ ended }) => !ended).length
    },
    async pass() {
      silent = false
      await startListening()
    },
    async refuse() {
      silent = false
      server.close()
    },
    async blackhole() {
      silent = true
      for (const flow of flows) flow.blackhole()
      await startListening()
    },
    retarget(other) {
      url = new URL(other)
    },
    delay(ms) {
      delayMs = ms
    },
    reset() {
      for (const flow of flows) flow.reset()
    },
    async close() {
      server.close()
      for (const flow of flows) flow.reset()
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  }
  return proxy
}

/** The connection of one client, and the connection to the target that was made for it. */
class Flow {
  readonly #client: net.Socket
  readonly #delayMs: () => number
  #upstream: net.Socket | undefined
  #silent = false
  ended = false

  constructor(client: net.Socket, delayMs: () => number) {
    this.#client = client
    this.#delayMs = delayMs
    client.on('error', () => client.destroy())
    client.on('end', () => (this.ended = true))
  }

  connect(port: number, host: string): void {
    const client = this.#client
    const upstream = net.connect({ port, host, allowHalfOpen: true, noDelay: true })
    this.#upstream = upstream
    client.pipe(this.#delay()).pipe(upstream)
    upstream.pipe(this.#delay()).pipe(client)
    upstream.on('error', () => this.#silent || this.reset())
    upstream.on('close', () => this.#silent || client.destroy())
    client.on('close', () => this.#silent || upstream.destroy())
  }

  blackhole(): void {
    this.#silent = true
    this.#client.unpipe().resume()
    // The client does not notice this. It frees etcd's side, which would wait for its own keepalive for two hours.
    this.#upstream?.destroy()
  }

  #delay(): Transform {
    return new Transform({
      transform: (chunk, _encoding, pass) => {
        const delayMs = this.#delayMs()
        if (delayMs === 0) pass(null, chunk)
        else setTimeout(() => this.#silent || pass(null, chunk), delayMs)
      },
    })
  }

  reset(): void {
    reset(this.#client)
    if (this.#upstream !== undefined) reset(this.#upstream)
  }
}

/**
 * Resets a connection. One that this side is ending is destroyed: after `end()`, `resetAndDestroy` leaves the socket open,
 * and the process then never exits (Node 22 to 26).
 */
export function reset(socket: net.Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** Makes a port drop packets, as a firewall does. The kernel does so when a program accepts none of its connections. */
export async function dropPackets(port: number): Promise<AsyncDisposable> {
  const program = `require('net').createServer().listen({ port: ${port}, host: '127.0.0.1', backlog: 1 }, () => {
    process.stdout.write('listening')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const waiting = [1, 2, 3].map(() => net.connect(port, '127.0.0.1').on('error', () => {}))
  await once(waiting[0]!, 'connect')
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of waiting) socket.destroy()
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
