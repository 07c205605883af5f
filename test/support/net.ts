import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { Transform } from 'node:stream'

// Below the range that the kernel takes ports for outgoing connections from. Each of vitest's workers has its own.
const ports = 2000
const firstPort = 15_000 + ports * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 8)
let portsGiven = Math.floor(Math.random() * ports)

/** A TCP port on which nothing listens, and which is given only once: a server that was stopped finds it free again. */
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

export interface Proxy extends AsyncDisposable {
  readonly port: number
  /** The target's URL with the proxy's port, where the target was given as a URL. */
  readonly endpoint: string
  /** Connections accepted so far. */
  readonly connections: number
  /** Of these, open now, as the client sees it. */
  readonly open: number
  /** Forwards new connections. What was black-holed before stays dead, as a flow does that a firewall has forgotten. */
  pass(): Promise<void>
  /** New connections are refused; those already open go on. */
  refuse(): Promise<void>
  /** From now on, nothing is answered and nothing is closed, neither on new connections nor on those already open. */
  blackhole(): Promise<void>
  /** Where new connections lead from now on. */
  retarget(target: string): void
  /** From now on, what is sent takes this long each way, also on connections already open. */
  delay(ms: number): void
  /** Cuts every open connection with a TCP reset; new ones fare as before. */
  reset(): void
  close(): Promise<void>
}

/** A TCP proxy on this machine whose faults are made on cue. It begins in `pass`. */
export async function startProxy(target: string | number, host: '127.0.0.1' | '::1' = '127.0.0.1'): Promise<Proxy> {
  let url = new URL(typeof target === 'number' ? `tcp://127.0.0.1:${target}` : target)
  const flows = new Set<Flow>()
  let connections = 0
  let silent = false
  let delayMs = 0

  // Half-open sockets: a side that ends must not be answered while the proxy plays dead.
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections++
    const flow = new Flow(client, () => delayMs)
    flows.add(flow)
    client.on('close', () => flows.delete(flow))
    if (silent) flow.blackhole()
    else flow.connect(Number(url.port), url.hostname)
  })
  const port = await unusedPort()
  const open = async (): Promise<void> => {
    if (!server.listening) await listen(server, port, host)
  }
  await open()

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
      await open()
    },
    async refuse() {
      silent = false
      server.close()
    },
    async blackhole() {
      silent = true
      for (const flow of flows) flow.blackhole()
      await open()
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

/** One client's connection and the one made for it. */
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
    client.pipe(this.#slow()).pipe(upstream)
    upstream.pipe(this.#slow()).pipe(client)
    upstream.on('error', () => this.#silent || this.reset())
    upstream.on('close', () => this.#silent || client.destroy())
    client.on('close', () => this.#silent || upstream.destroy())
  }

  blackhole(): void {
    this.#silent = true
    this.#client.unpipe().resume()
    // This side gets no reset, and the side of etcd need not wait for its own keepalive, two hours later.
    this.#upstream?.destroy()
  }

  #slow(): Transform {
    return new Transform({
      transform: (chunk, _encoding, pass) => {
        const delayMs = this.#delayMs()
        if (delayMs === 0) pass(null, chunk)
        else setTimeout(() => this.#silent || pass(null, chunk), delayMs)
      },
    })
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#upstream?.resetAndDestroy()
  }
}

/** Makes a port drop packets, as a firewall does: the kernel does so where a program accepts none of its connections. */
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
