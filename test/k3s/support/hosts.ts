import { createContainerHosts } from './container-host.ts'
import type { Hosts } from './host.ts'
import { createNamespaceHosts } from './namespace-host.ts'

/** Creates one host for each name: network namespaces for `K3S_BINARY`, containers for `K3S_IMAGE`. */
export async function createHosts(names: readonly string[]): Promise<Hosts> {
  const { K3S_BINARY: binary, K3S_IMAGE: image } = process.env
  if (binary) return createNamespaceHosts(names, binary)
  if (image) return createContainerHosts(names, image)
  throw new Error('neither K3S_BINARY nor K3S_IMAGE is set; "npm run test:k3s" sets one')
}
