import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ObservedCall } from '../support/call.ts'
import { createAuthority } from '../support/certificates.ts'
import type { KeyPair } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startKubeApiservers } from '../support/kube-apiserver.ts'
import type { KubeApiserver, KubeControlPlane } from '../support/kube-apiserver.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { runInContainer } from '../support/run-in-container.ts'

const source = 'kubernetes'

let etcd: EtcdCluster
let controlPlane: KubeControlPlane
let apiserver: KubeApiserver
beforeAll(async () => {
  etcd = await startEtcd()
  controlPlane = await startKubeApiservers({ etcd })
  apiserver = controlPlane.apiservers[0]!
})
afterAll(async () => {
  await controlPlane?.[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
})

expectNoLeaks()

test("resolve reads a real kube-apiserver with kube-proxy's certificate of an agent's data directory", async () => {
  const { files, endpoints, addresses } = controlPlane
  const call = new ObservedCall({ source, dataDir: files.agentDataDir, endpoints })
  expect(await call.result).toMatchObject({ source, addresses, revision: expect.stringMatching(/^[1-9]\d*$/) })
  expect(call.failures).toEqual([])
})

test('resolve waits for the Role of a ServiceAccount, and reads a real kube-apiserver once it is there', async () => {
  const { endpoints, addresses } = controlPlane
  const tokenFile = await writeToken(await apiserver.admin.createToken('before-its-role'))
  const call = new ObservedCall({ tokenFile, endpoints, tls: serverCa() })
  const { hint } = await call.until('permission-denied')
  expect(call.failures.at(-1)).toContain('system:serviceaccount:default:before-its-role')
  expect(hint).toMatch(/Role.*endpointslices/)
  await apiserver.admin.allowEndpointSlices('before-its-role')
  expect(await call.result).toMatchObject({ source, addresses })
})

test('the command without arguments reads a real kube-apiserver in a Pod with a ServiceAccount', async () => {
  await apiserver.admin.allowEndpointSlices('in-a-pod')
  const token = await apiserver.admin.createToken('in-a-pod')
  const folder = await writeServiceAccount(token)
  const { hostname, port } = new URL(apiserver.endpoint)
  const { code, stdout, stderr } = await runInContainer({
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    mounts: { [folder]: '/var/run/secrets/kubernetes.io/serviceaccount' },
  })
  expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${apiserver.address}\n` })
  expect(stderr).not.toContain(token)
})

test("the command without arguments reads a real kube-apiserver with an agent's default data directory", async () => {
  const { files } = controlPlane
  await files.writeLoadBalancerServers([new URL(apiserver.endpoint).host])
  const { code, stdout, stderr } = await runInContainer({ mounts: { [files.agentDataDir]: '/var/lib/rancher/rke2' } })
  expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${apiserver.address}\n` })
})

test('resolve reads the token again, and a real kube-apiserver accepts the new one', async () => {
  const { endpoints, addresses } = controlPlane
  await apiserver.admin.allowEndpointSlices('rotated')
  const tokenFile = await writeToken('foreign')
  const call = new ObservedCall({ tokenFile, endpoints, tls: serverCa() })
  await call.until('unauthenticated')
  await writeFile(tokenFile, await apiserver.admin.createToken('rotated'))
  expect(await call.result).toMatchObject({ source, addresses })
})

test.each<[string, () => Promise<KeyPair>, string]>([
  ['of a foreign CA', async () => (await createAuthority()).issue({ commonName: 'system:kube-proxy' }), ''],
  [
    'that has expired',
    () =>
      controlPlane.files.clientAuthority.issue({
        commonName: 'system:kube-proxy',
        usages: ['client'],
        notAfter: new Date('2026-01-02T03:04:05Z'),
        notBefore: new Date('2026-01-01T00:00:00Z'),
      }),
    'has expired on 2026-01-02T03:04:05.000Z',
  ],
])('a real kube-apiserver refuses a client certificate %s as unauthenticated', async (_title, issue, hintPart) => {
  const { endpoints, addresses, files } = controlPlane
  const folder = temporaryFolder()
  const pair = await issue()
  const tls = {
    caFile: files.kubeProxy.caFile,
    certFile: join(folder, 'client.crt'),
    keyFile: join(folder, 'client.key'),
  }
  await writeFile(tls.certFile, pair.cert)
  await writeFile(tls.keyFile, pair.key)
  const call = new ObservedCall({ source, endpoints, tls })
  const { hint } = await call.until('unauthenticated')
  expect(hint).toContain(hintPart)
  // The agent has renewed its certificate.
  const renewed = await files.clientAuthority.issue({ commonName: 'system:kube-proxy', usages: ['client'] })
  await writeFile(tls.keyFile, renewed.key)
  await writeFile(tls.certFile, renewed.cert)
  expect(await call.result).toMatchObject({ source, addresses })
})

test('resolve refuses a real kube-apiserver whose certificate another CA has signed, until the file has its CA', async () => {
  const { endpoints, addresses, files } = controlPlane
  const caFile = join(temporaryFolder(), 'server-ca.crt')
  await writeFile(caFile, (await createAuthority()).cert)
  const call = new ObservedCall({ source, endpoints, tls: { ...files.kubeProxy, caFile } })
  const { hint } = await call.until('tls-rejected')
  expect(hint).toContain(caFile)
  await writeFile(caFile, files.serverAuthority.cert)
  expect(await call.result).toMatchObject({ source, addresses })
})

function serverCa(): { readonly caFile: string } {
  return { caFile: controlPlane.files.kubeProxy.caFile }
}

/** Writes the folder that Kubernetes mounts in a Pod. */
async function writeServiceAccount(token: string): Promise<string> {
  const folder = temporaryFolder()
  await writeFile(join(folder, 'ca.crt'), controlPlane.files.serverAuthority.cert)
  await writeFile(join(folder, 'token'), token)
  return folder
}

const writeToken = async (token: string) => join(await writeServiceAccount(token), 'token')
