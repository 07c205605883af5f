import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { loadAllYaml } from '@kubernetes/client-node'
import type { KubernetesObject } from '@kubernetes/client-node'
import { expect, onTestFinished, test } from 'vitest'
import { read, root } from '../support/documents.ts'
import { startEtcd } from '../support/etcd.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startKubeApiservers } from '../support/kube-apiserver.ts'
import { runInContainer } from '../support/run-in-container.ts'

/** The kinds that give rights, with their names in a path. */
const rights: Readonly<Record<string, string>> = {
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
}

/** Returns an address of this machine that is not a loopback address, which no EndpointSlice may have. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses)
  const own = all.find(({ family, internal }) => family === 'IPv4' && !internal)
  return own?.address ?? expect.fail('this machine has no IPv4 address but the loopback address')
}

/** Forwards connections to an address, until the end of the test. */
async function forward(host: string, { hostname, port }: URL): Promise<void> {
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.pipe(upstream).pipe(client)
  })
  server.listen(Number(port), host)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
}

test('the controller in a Pod reads a real kube-apiserver with the Roles of examples/controller/deployment.yaml', async () => {
  await using etcd = await startEtcd()
  const host = ownAddress()
  await using controlPlane = await startKubeApiservers({ etcd, advertise: [host] })
  const [{ admin, endpoint, address }] = controlPlane.apiservers as [(typeof controlPlane.apiservers)[number]]
  await forward(host, new URL(endpoint))
  const folder = temporaryFolder()
  await writeFile(join(folder, 'ca.crt'), controlPlane.files.serverAuthority.cert)
  await writeFile(join(folder, 'token'), await admin.createToken('controller', 'kube-system'))
  for (const object of loadAllYaml(read('examples/controller/deployment.yaml')) as KubernetesObject[]) {
    const plural = rights[object.kind ?? '']
    const namespace = object.metadata?.namespace
    const prefix = namespace === undefined ? '' : `namespaces/${namespace}/`
    if (plural !== undefined) await admin.create(`/apis/${object.apiVersion}/${prefix}${plural}`, object)
  }
  const { hostname, port } = new URL(endpoint)
  const { code, stdout, stderr } = await runInContainer({
    program: [process.execPath, join(root, 'examples/controller/controller.ts')],
    stopAt: '"msg":"reconciled"',
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    mounts: { [folder]: '/var/run/secrets/kubernetes.io/serviceaccount' },
  })
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain(address)
})
