import { parseEndpoints } from '../../addresses/endpoint.ts'
import type { Endpoint } from '../../addresses/endpoint.ts'
import { normalizeAddress, splitAddress } from '../../addresses/host-port.ts'
import { parseAddresses } from '../../addresses/parse.ts'
import { agentLoadBalancerFiles, apiserverPort, supervisorPort } from '../../rke2.ts'
import { readSmallFile } from '../../util/files.ts'
import { objectOf } from '../../util/object.ts'
import type { KubernetesSetup } from '../setup.ts'

/**
 * Returns the apiservers themselves, to read while the local load balancer does not answer: it keeps to a frozen server
 * for a minute. They are those of the last list or, without one, those that the load balancer has saved.
 *
 * @param value the last list that was read
 * @throws `signal.reason` when the signal is aborted
 */
export async function serverEndpoints(
  value: Uint8Array | undefined,
  setup: KubernetesSetup,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  const last = parseAddresses(value)
  const addresses = last.kind === 'list' ? last.addresses : await savedServers(setup, signal)
  if (addresses.length === 0) return []
  return parseEndpoints(
    addresses.map((address) => `https://${address}`),
    apiserverPort,
  )
}

/** The files may be stale, empty or half-written. They are a hint where to read, and never a list. */
async function savedServers({ dataDir, distribution, isPod }: KubernetesSetup, signal: AbortSignal): Promise<string[]> {
  for (const file of isPod ? [] : agentLoadBalancerFiles(dataDir, distribution)) {
    try {
      const text = (await readSmallFile(file, signal)).toString('utf8')
      const { ServerAddresses: servers } = objectOf(JSON.parse(text))
      const addresses = Array.isArray(servers) ? servers.flatMap(apiserverAddress) : []
      if (addresses.length > 0) return addresses
    } catch {
      signal.throwIfAborted()
    }
  }
  return []
}

/** Returns the address of the apiserver of a server. The load balancer may have that of its supervisor. */
function apiserverAddress(server: unknown): string[] {
  const address = typeof server === 'string' ? normalizeAddress(server) : undefined
  if (address === undefined) return []
  const { port } = splitAddress(address)
  return [port === supervisorPort ? address.replace(/\d+$/, String(apiserverPort)) : address]
}
