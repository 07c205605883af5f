// Follows the list of apiservers as long as the node runs, with logs (pino), metrics (Prometheus) and two health endpoints.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { watchApiserverAddresses } from 'rke2-apiserver-resolver'
import type { AddressList } from 'rke2-apiserver-resolver'
import { addApiserverMetrics } from './metrics.ts'

const { RKE2_DATA_DIR, ETCDCTL_ENDPOINTS, HOST = '127.0.0.1', PORT = '9464', LOG_LEVEL = 'info' } = process.env
const logger = pino({ level: LOG_LEVEL })
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal))

const registry = new Registry()
addApiserverMetrics(registry)

let list: AddressList | undefined
let waitingFor = 'nothing was read yet'

// /healthz answers 200 as long as the process runs. /readyz answers 503 with the reason until there is a list.
const server = createServer((request, response) => {
  const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
    response.writeHead(status, { 'content-type': type }).end(body)
  }
  if (request.url === '/healthz') answer(200, 'ok\n')
  else if (request.url === '/readyz' && list === undefined) answer(503, `${waitingFor}\n`)
  else if (request.url === '/readyz') answer(200, `${list?.addresses.join('\n')}\n`)
  else if (request.url !== '/metrics') answer(404, 'not found\n')
  else void registry.metrics().then((metrics) => answer(200, metrics, registry.contentType))
}).listen(Number(PORT), HOST)
await once(server, 'listening')
logger.info({ port: (server.address() as AddressInfo).port }, 'serving /healthz, /readyz and /metrics')

try {
  const options = { dataDir: RKE2_DATA_DIR, endpoints: ETCDCTL_ENDPOINTS?.split(','), timeoutMs: Infinity }
  for await (const change of watchApiserverAddresses({
    ...options,
    probe: 'readyz',
    onEvent: (event) => {
      if (event.type === 'phase') waitingFor = `${event.reason}: ${event.message}`
    },
    logger,
    signal: stop.signal,
  })) {
    list = change
    // A real agent would, for example, write the configuration of a load balancer here.
  }
} catch (error) {
  // The watch has ended with an error, which is in the log. The exit code makes systemd or Kubernetes restart the process.
  if (!stop.signal.aborted) process.exitCode = 1
  else if (error !== stop.signal.reason) throw error
} finally {
  server.close()
  server.closeAllConnections()
}
