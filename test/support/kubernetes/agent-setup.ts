import { parseEndpoints } from '../../../src/addresses/endpoint.ts'
import { kubeProxyFiles } from '../../../src/rke2.ts'
import type { Distribution } from '../../../src/rke2.ts'
import type { KubernetesSourceOptions } from '../../../src/sources/kubernetes/kubernetes-source.ts'
import { temporaryFolder } from '../folder.ts'

/** Returns the setup of an agent without options, whose only endpoint is a port that nothing listens on. */
export function agentSetup(
  distribution: Distribution = 'rke2',
  dataDir: string = temporaryFolder(),
): KubernetesSourceOptions {
  return {
    kind: 'kubernetes',
    distribution,
    dataDir,
    endpoints: parseEndpoints(['https://127.0.0.1:1'], 6443),
    tls: kubeProxyFiles(dataDir),
    tokenFile: undefined,
    isDataDirGiven: true,
    usesNodeFiles: true,
    isPod: false,
    usesNodeEndpoints: true,
    readsServers: true,
    attemptTimeoutMs: 10_000,
    logger: undefined,
  }
}
