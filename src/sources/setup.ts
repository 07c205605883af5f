import { basename } from 'node:path'
import { parseEndpoint, parseEndpoints } from '../addresses/endpoint.ts'
import type { Endpoint } from '../addresses/endpoint.ts'
import * as rke2 from '../rke2.ts'
import type { Distribution, TlsFiles } from '../rke2.ts'
import type { NodeFolder } from './node-hints.ts'
import type { SourceOptions } from './options.ts'
import type { SourceKind } from './source.ts'

/** Resolves with whether a file or folder exists. */
export type Exists = (path: string) => Promise<boolean>

/** Where to read the list on this node, and with what. It is plain data, so that two of them can be compared. */
export type Setup = EtcdSetup | KubernetesSetup | UndecidedSetup

interface AnySetup {
  readonly distribution: Distribution
  readonly dataDir: string
}

export interface EtcdSetup extends AnySetup, NodeFolder {
  readonly kind: 'etcd'
  readonly endpoints: readonly [Endpoint, ...Endpoint[]]
  readonly tls: TlsFiles
  /** Whether certificate files under `dataDir` are used. */
  readonly usesDataDir: boolean
  readonly key: string
}

export interface KubernetesSetup extends AnySetup, NodeFolder {
  readonly kind: 'kubernetes'
  readonly endpoints: readonly [Endpoint, ...Endpoint[]]
  readonly tls: TlsFiles
  readonly tokenFile: string | undefined
  /** Whether all files are those of this node. Only then does the content of `dataDir` explain why one is missing. */
  readonly usesNodeFiles: boolean
  readonly isPod: boolean
  /** Whether the endpoints are those of this node: its load balancer, or its apiserver. */
  readonly usesNodeEndpoints: boolean
  /** Whether the apiservers themselves may be read when the endpoints do not answer. */
  readonly readsServers: boolean
}

/** Nothing on this node says yet where to read. */
export interface UndecidedSetup extends AnySetup {
  readonly kind: undefined
}

/** Decides where to read the list, from the options and the files that exist on this node. */
export async function chooseSetup(options: SourceOptions, exists: Exists): Promise<Setup> {
  const node = await chooseNode(options, exists)
  const kind = options.source === 'auto' ? await chooseKind(node, exists) : options.source
  if (kind === 'etcd') return etcdSetup(options, node)
  if (kind === 'kubernetes') return kubernetesSetup(options, node, exists)
  return { kind, ...node }
}

/** Whether the options alone decide where to read: no file of the node can change that. */
export function isDecidedByOptions({ source, distribution, key, tls, endpoints }: SourceOptions): boolean {
  if (source !== 'etcd') return false
  const needsNoFile = tls !== undefined || endpoints?.every(({ secure }) => !secure) === true
  return distribution !== 'auto' || (key !== undefined && needsNoFile)
}

async function chooseNode(options: SourceOptions, exists: Exists): Promise<AnySetup> {
  const { distribution, dataDir } = options
  if (distribution !== 'auto') return { distribution, dataDir: dataDir ?? rke2.defaultDataDir(distribution) }
  if (dataDir !== undefined) {
    const isK3s = basename(dataDir) === 'k3s' || (await someExists(rke2.k3sFiles(dataDir), exists))
    return { distribution: isK3s ? 'k3s' : 'rke2', dataDir }
  }
  const [hasRke2, hasK3s] = isDecidedByOptions(options)
    ? [true, false]
    : await Promise.all([exists(rke2.defaultDataDir('rke2')), exists(rke2.defaultDataDir('k3s'))])
  const chosen = hasK3s && !hasRke2 ? 'k3s' : 'rke2'
  return { distribution: chosen, dataDir: rke2.defaultDataDir(chosen) }
}

/** The first file that exists decides. The order keeps a server that boots from being taken for an agent. */
async function chooseKind({ distribution, dataDir }: AnySetup, exists: Exists): Promise<SourceKind | undefined> {
  const files: readonly (readonly [path: string, kind: SourceKind])[] = [
    [rke2.etcdDataDir(dataDir), 'etcd'],
    [rke2.etcdLoadBalancerFile(dataDir, distribution), 'etcd'],
    [rke2.kubeProxyFiles(dataDir).keyFile, 'kubernetes'],
    // A Pod that mounts only these files.
    [rke2.defaultTlsFiles(dataDir).keyFile, 'etcd'],
  ]
  for (const [path, kind] of files) if (await exists(path)) return kind
  return (await isPod(exists)) ? 'kubernetes' : undefined
}

/** Returns where and with what to read etcd on a node. */
export function etcdSetup({ endpoints, tls, key, dataDir: given }: SourceOptions, node: AnySetup): EtcdSetup {
  const { distribution, dataDir } = node
  const all = endpoints ?? parseEndpoints(rke2.defaultEndpoints, rke2.etcdPort)
  return {
    kind: 'etcd',
    ...node,
    endpoints: all,
    tls: tls ?? rke2.defaultTlsFiles(dataDir),
    isDataDirGiven: given !== undefined,
    usesDataDir: tls === undefined && all.some(({ secure }) => secure),
    key: key ?? rke2.defaultKey(distribution),
  }
}

async function kubernetesSetup(options: SourceOptions, node: AnySetup, exists: Exists): Promise<KubernetesSetup> {
  const { tls, tokenFile, endpoints } = options
  const nodeFiles = rke2.kubeProxyFiles(node.dataDir)
  const pod = (await exists(nodeFiles.keyFile)) || !(await isPod(exists)) ? undefined : podEndpoint()
  const podTls = { caFile: rke2.serviceAccountCaFile }
  const ownTls = tokenFile === undefined ? nodeFiles : { caFile: nodeFiles.caFile }
  return {
    kind: 'kubernetes',
    ...node,
    endpoints: endpoints ?? (pod ? [pod] : parseEndpoints(rke2.localApiservers[node.distribution], rke2.apiserverPort)),
    tls: tls ?? (pod ? podTls : ownTls),
    tokenFile: tokenFile ?? (pod && tls?.certFile === undefined ? rke2.serviceAccountTokenFile : undefined),
    isDataDirGiven: options.dataDir !== undefined,
    usesNodeFiles: tls === undefined && tokenFile === undefined && pod === undefined,
    isPod: pod !== undefined,
    usesNodeEndpoints: endpoints === undefined && pod === undefined,
    readsServers: endpoints === undefined,
  }
}

const isPod = async (exists: Exists): Promise<boolean> =>
  podEndpoint() !== undefined && exists(rke2.serviceAccountTokenFile)

/** Returns the apiserver that Kubernetes gives to each Pod, if the variables name a valid one. */
function podEndpoint(): Endpoint | undefined {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port } = process.env
  const endpoint = parseEndpoint(`https://${host.includes(':') ? `[${host}]` : host}:${port || '443'}`)
  return 'url' in endpoint ? endpoint : undefined
}

async function someExists(paths: readonly string[], exists: Exists): Promise<boolean> {
  return (await Promise.all(paths.map((path) => exists(path)))).includes(true)
}

/** Returns what was looked for on a node where nothing was found. */
export function describeUndecided({ distribution, dataDir }: AnySetup): string {
  const server = rke2.etcdDataDir(dataDir)
  const balanced = rke2.etcdLoadBalancerFile(dataDir, distribution)
  const agent = rke2.kubeProxyFiles(dataDir).keyFile
  const mounted = rke2.defaultTlsFiles(dataDir).keyFile
  return `none of ${server}, ${balanced}, ${agent} and ${mounted} exists yet, and this is no Pod with a ServiceAccount`
}

export const isSameSetup = (one: Setup, other: Setup): boolean => JSON.stringify(one) === JSON.stringify(other)
