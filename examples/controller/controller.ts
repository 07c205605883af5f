// A controller that survives the failure of any apiserver: it follows the list, and sends a failed request to the next one.
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { pino } from 'pino'
import { watchApiserverAddresses } from 'rke2-apiserver-resolver'
import { Apiservers } from './apiservers.ts'

const {
  RKE2_DATA_DIR,
  ETCDCTL_ENDPOINTS,
  KUBECONFIG = '/etc/rancher/rke2/rke2.yaml',
  INTERVAL_MS = '5000',
} = process.env
const logger = pino()
const stop = new AbortController()
const { signal } = stop
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(name))

const options = { dataDir: RKE2_DATA_DIR, endpoints: ETCDCTL_ENDPOINTS?.split(','), timeoutMs: Infinity }
const watch = watchApiserverAddresses({ ...options, probe: 'readyz', logger, signal })
try {
  const { value: first } = await watch.next()
  if (first !== undefined) {
    // Read only now, because RKE2 writes this file while it boots. Its CA and user are used, its address is not.
    const base = new KubeConfig()
    base.loadFromFile(KUBECONFIG)
    const apiservers = new Apiservers(base, (from, error) =>
      logger.warn({ from, error: String((error as Error).cause ?? error) }, 'trying the next apiserver'),
    )
    apiservers.use(first)
    await Promise.all([follow(apiservers), reconcileInLoop(apiservers)])
  }
} catch (error) {
  if (!signal.aborted) {
    logger.fatal(error)
    process.exitCode = 1
  }
  stop.abort(error)
} finally {
  await watch.close()
}

async function follow(apiservers: Apiservers): Promise<void> {
  for await (const list of watch) {
    apiservers.use(list)
    logger.info({ addresses: list.addresses }, 'following the list')
  }
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
