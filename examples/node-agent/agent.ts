// Follows the list of apiservers as long as the node runs, with logs (pino), metrics (Prometheus) and two health endpoints.
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { Counter, Gauge, Registry } from 'prom-client'
import { watchApiserverAddresses } from 'rke2-apiserver-resolver'
import type { AddressList, ApiserverAddressEvents } from 'rke2-apiserver-resolver'

const { RKE2_DATA_DIR, ETCDCTL_ENDPOINTS, HOST = '127.0.0.1', PORT = '9464', LOG_LEVEL = 'info' } = process.env
const logger = pino({ level: LOG_LEVEL })
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal))

const registry = new Registry()
const registers = [registry]
const gauge = (name: string, help: string, labelNames: string[] = []) =>
  new Gauge({ name, help, labelNames, registers })
const listed = gauge('rke2_apiservers', 'Apiservers in the list')
const up = gauge('rke2_apiserver_up', '1 if the last probe found the apiserver alive', ['address'])
const latency = gauge('rke2_apiserver_probe_seconds', 'Duration of the last probe of the apiserver', ['address'])
const following = gauge(
  'rke2_apiservers_following',
  '1 while connected to etcd, 0 while the last list is kept without it',
)
const waiting = gauge('rke2_apiservers_waiting', '1 for the reason of the current wait', ['reason'])
const changes = new Counter({ name: 'rke2_apiservers_changes_total', help: 'Changes of the list', registers })
const reads = new Counter({ name: 'rke2_apiservers_reads_total', help: 'Reads of the key', registers })

let list: AddressList | undefined
let waitingFor = 'etcd'
const events = new EventEmitter<ApiserverAddressEvents>()
  .on('attempt', () => reads.inc())
  .on('phase', ({ reason, message }) => {
    waitingFor = `${reason}: ${message}`
    waiting.reset()
    waiting.set({ reason }, 1)
  })
  .on('resolved', ({ addresses }) => listed.set(addresses.length))
  .on('changed', ({ addresses }) => {
    changes.inc()
    listed.set(addresses.length)
  })
  .on('probed', ({ probes }) => {
    for (const metric of [up, latency]) metric.reset()
    for (const { address, state, latencyMs } of probes) {
      up.set({ address }, state === 'alive' ? 1 : 0)
      latency.set({ address }, latencyMs / 1000)
    }
  })
  .on('connected', () => {
    following.set(1)
    waiting.reset()
  })
  .on('disconnected', () => following.set(0))

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
    events,
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
