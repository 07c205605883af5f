// A controller that survives the failure of any apiserver: it follows the list, and sends a failed request to the next one.
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { pino } from 'pino'
import { resolveApiserverAddresses, watchApiserverAddresses } from 'rke2-apiserver-resolver'
import type { WatchApiserverAddresses } from 'rke2-apiserver-resolver'
import { Apiservers } from './apiservers.ts'
import { follow } from './follow.ts'

const { RKE2_DATA_DIR, ETCDCTL_ENDPOINTS, KUBECONFIG, KUBERNETES_SERVICE_HOST, INTERVAL_MS = '5000' } = process.env
const logger = pino()
const stop = new AbortController()
const { signal } = stop
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(name))

const options = { dataDir: RKE2_DATA_DIR, endpoints: ETCDCTL_ENDPOINTS?.split(','), logger }
const watch: WatchApiserverAddresses = (more) => watchApiserverAddresses({ ...options, ...more })
try {
  const first = await resolveApiserverAddresses({ ...options, timeoutMs: Infinity, signal })
  // The CA and the user are used, the address is not. Only now, because RKE2 writes its file while it boots.
  const base = new KubeConfig()
  const isPod = KUBECONFIG === undefined && KUBERNETES_SERVICE_HOST !== undefined
  if (isPod) base.loadFromCluster()
  else base.loadFromFile(KUBECONFIG ?? '/etc/rancher/rke2/rke2.yaml')
  const apiservers = new Apiservers(base, (from, error) =>
    logger.warn({ from, error: String((error as Error).cause ?? error) }, 'trying the next apiserver'),
  )
  apiservers.use(first)
  await Promise.all([follow(watch, apiservers, signal), reconcileInLoop(apiservers)])
} catch (error) {
  if (!signal.aborted) {
    logger.fatal(error)
    process.exitCode = 1
  }
  // Ends what still runs.
  stop.abort(error)
}

async function reconcileInLoop(apiservers: Apiservers): Promise<void> {
  for (;;) {
    try {
      // A real controller would compare the actual with the desired state here.
      const { items } = await apiservers.request((api) => api.listNode())
      logger.info({ nodes: items.map(({ metadata }) => metadata?.name) }, 'reconciled')
    } catch (error) {
      logger.error({ error: String((error as Error).cause ?? error) }, 'no apiserver answers; trying again later')
    }
    await sleep(Number(INTERVAL_MS), undefined, { signal })
  }
}
