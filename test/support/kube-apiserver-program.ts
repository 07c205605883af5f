import { hostname } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import type { ClientTlsFiles } from '../../src/rke2.ts'
import type { KubeApiserverFiles } from './kube-apiserver-files.ts'
import { containerOf, processOf } from './kube-apiserver-process.ts'
import type { RestartableProgram } from './kube-apiserver-process.ts'

const ownLabel = 'rke2-apiserver-resolver.test'
const runPid = process.env['TEST_RUN_PID'] ?? String(process.pid)
/** The labels by which test/engine/with-etcd.sh removes a container that the run left. */
export const labels: Readonly<Record<string, string>> = {
  [`${ownLabel}.host`]: hostname(),
  [`${ownLabel}.pid`]: runPid,
}
/** The start of the name of a folder that test/engine/with-etcd.sh removes when the run left it. */
export const folderPrefix = `${ownLabel}.${runPid}.`

/** How the apiservers are started. */
export interface KubeControlPlaneOptions {
  readonly etcd: { readonly endpoints: readonly string[]; readonly tls: ClientTlsFiles }
  /** The address that each of them advertises; it need not exist. @default ['10.0.0.11'] */
  readonly advertise?: readonly string[]
  /** Whether each keeps its address in the EndpointSlice `kubernetes`, or the test writes all slices. @default true */
  readonly keepsSlice?: boolean
}

/** What one apiserver is started with. */
export interface KubeApiserverContext extends KubeControlPlaneOptions {
  readonly address: string
  readonly listenHost: string
  readonly port: number
  readonly folder: string
  readonly files: KubeApiserverFiles
}

/** Returns the program, which is not started yet: a process or a container, whichever `KUBE_APISERVER` names. */
export async function programOf(context: KubeApiserverContext): Promise<RestartableProgram> {
  const found = process.env['KUBE_APISERVER']
  if (!found) throw new Error('KUBE_APISERVER names no kube-apiserver to test with; "npm test" chooses one')
  const { folder, listenHost } = context
  const args = Object.entries(flags(context)).map(([name, value]) => `--${name}=${value}`)
  if (isAbsolute(found)) return processOf(found, args, join(folder, `kube-apiserver-${listenHost}.log`))
  return containerOf(found, args, { folders: [folder, dirname(context.etcd.tls.caFile)], labels })
}

/** The flags are those of RKE2. Without anonymous users, a client without valid credentials is refused with 401. */
function flags(context: KubeApiserverContext): Readonly<Record<string, string | number | boolean>> {
  const { address, etcd, files, keepsSlice, listenHost, port } = context
  const file = (name: string) => join(files.serverDir, name)
  return {
    'advertise-address': address,
    'bind-address': listenHost,
    'secure-port': port,
    'anonymous-auth': false,
    'authorization-mode': 'Node,RBAC',
    'client-ca-file': file('client-ca.crt'),
    'tls-cert-file': file('serving-kube-apiserver.crt'),
    'tls-private-key-file': file('serving-kube-apiserver.key'),
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': file('service.pub'),
    'service-account-signing-key-file': file('service.key'),
    'service-cluster-ip-range': '10.43.0.0/16',
    'endpoint-reconciler-type': keepsSlice === false ? 'none' : 'lease',
    'etcd-servers': etcd.endpoints.join(),
    'etcd-cafile': etcd.tls.caFile,
    'etcd-certfile': etcd.tls.certFile,
    'etcd-keyfile': etcd.tls.keyFile,
  }
}
