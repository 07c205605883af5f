import { join } from 'node:path'

/**
 * The paths of the PEM files for `https://` endpoints. `certFile` and `keyFile` are given together, or not at all.
 *
 * etcd in RKE2 and K3s requires a client certificate (`client-cert-auth`).
 */
export interface TlsFiles {
  /** The path of the CA certificates that the server certificate is verified with: one or several in one file. */
  readonly caFile: string
  /** The path of the client certificate. @default none */
  readonly certFile?: string | undefined
  /** The path of the private key of the client certificate. @default none */
  readonly keyFile?: string | undefined
}

/** The paths of PEM files with a client certificate. */
export interface ClientTlsFiles extends TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** The Kubernetes distribution. RKE2 is built on K3s, and uses the same names with its own program name in them. */
export type Distribution = 'rke2' | 'k3s'

/** Returns the data directory of a distribution whose flag `--data-dir` is not set. */
export const defaultDataDir = (distribution: Distribution): string => `/var/lib/rancher/${distribution}`

/** Returns the files that only K3s writes, the first of them on servers, the last on agents. */
export const k3sFiles = (dataDir: string): readonly string[] => [
  join(dataDir, 'server', 'tls', 'client-k3s-controller.key'),
  join(dataDir, 'agent', 'k3scontroller.kubeconfig'),
  join(dataDir, 'agent', 'etc', 'k3s-agent-load-balancer.json'),
]

/**
 * Returns the etcd key of the list, which K3s calls `AddressKey`. It has no leading slash and is not below
 * `/registry/`.
 */
export const defaultKey = (distribution: Distribution): string => `${distribution}/apiaddresses`

/** The Service whose EndpointSlices are the apiservers: its namespace and name. */
export const kubernetesService = 'default/kubernetes'

/**
 * The client URLs of etcd on every server. One is that of the server's own etcd member or, on a server without etcd
 * (`disable-etcd`), of K3s's load balancer to the members. If the first service network is IPv6, K3s listens on `[::1]`
 * and not on 127.0.0.1 (`Control.Loopback` in K3s).
 */
export const defaultEndpoints: readonly string[] = ['https://127.0.0.1:2379', 'https://[::1]:2379']

/** Returns the files that the server itself uses as a client of etcd. Only root can read the key. */
export function defaultTlsFiles(dataDir: string): ClientTlsFiles {
  const file = (name: string) => join(dataDir, 'server', 'tls', 'etcd', name)
  return { caFile: file('server-ca.crt'), certFile: file('client.crt'), keyFile: file('client.key') }
}

/** Returns the folder that etcd stores its data in. Only a server with embedded etcd has it. */
export const etcdDataDir = (dataDir: string): string => join(dataDir, 'server', 'db', 'etcd')

/** Returns the state of the load balancer to etcd's members, which a server without etcd in such a cluster has. */
export const etcdLoadBalancerFile = (dataDir: string, distribution: Distribution): string =>
  join(dataDir, 'server', 'etc', `${distribution}-etcd-server-load-balancer.json`)

/**
 * The URLs of an apiserver on every node. On an agent it is the load balancer to the servers, which listens on port 6443
 * (RKE2) or 6444 (K3s); on a server the apiserver itself, on both ports in K3s.
 */
export const localApiservers: Readonly<Record<Distribution, readonly string[]>> = {
  rke2: ['https://127.0.0.1:6443', 'https://[::1]:6443'],
  k3s: ['https://127.0.0.1:6444', 'https://127.0.0.1:6443', 'https://[::1]:6444', 'https://[::1]:6443'],
}

/** Returns the files with which kube-proxy connects to the apiserver. Every node has them once an apiserver works. */
export function kubeProxyFiles(dataDir: string): ClientTlsFiles {
  const file = (name: string) => join(dataDir, 'agent', name)
  return {
    caFile: file('server-ca.crt'),
    certFile: file('client-kube-proxy.crt'),
    keyFile: file('client-kube-proxy.key'),
  }
}

/** Returns the files in which an agent's load balancers keep their servers. They may be stale, empty or half-written. */
export const agentLoadBalancerFiles = (dataDir: string, distribution: Distribution): readonly string[] => [
  join(dataDir, 'agent', 'etc', `${distribution}-api-server-agent-load-balancer.json`),
  join(dataDir, 'agent', 'etc', `${distribution}-agent-load-balancer.json`),
]

/** The port of RKE2's supervisor on every server. */
export const supervisorPort = 9345

/** The port of the apiserver on every server. */
export const apiserverPort = 6443

/** The port of etcd on every server that has one. */
export const etcdPort = 2379

/** Returns the files with the CA that signed the certificates of the apiservers: that of servers, and that of agents. */
export const serverCaFiles = (dataDir: string): readonly [string, string] => [
  join(dataDir, 'server', 'tls', 'server-ca.crt'),
  join(dataDir, 'agent', 'server-ca.crt'),
]

/** The folder with the credentials of a Pod's ServiceAccount, which Kubernetes mounts. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'
export const serviceAccountCaFile: string = `${serviceAccountFolder}/ca.crt`
export const serviceAccountTokenFile: string = `${serviceAccountFolder}/token`
