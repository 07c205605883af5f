import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { readCertificates } from '../../src/sources/certificates.ts'
import type { Connection } from '../../src/sources/connection.ts'
import { connect } from '../../src/sources/etcd/etcd-connection.ts'
import { connectionDefaults, endpointOf } from '../support/endpoint.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const key = 'rke2/apiaddresses'

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd[Symbol.asyncDispose]())
expectNoLeaks()

const { signal } = new AbortController()

/** Opens a connection, which is closed at the end of the test. */
async function openConnection(): Promise<Connection> {
  const certificates = await readCertificates(etcd.tls, signal)
  const connection = await connect({
    ...connectionDefaults,
    key,
    endpoint: endpointOf(etcd.endpoints[0]!),
    certificates,
  })
  onTestFinished(() => connection.close())
  return connection
}

test('a connection opens no watch from a revision that etcd has not reached, as after a restore', async () => {
  const revision = BigInt(await etcd.put(key, '["10.0.0.1:6443"]\n'))
  const connection = await openConnection()
  await expect(connection.watch(revision + 1n, signal)).rejects.toMatchObject({
    reason: 'unavailable',
    message: expect.stringMatching(
      `^etcd is at revision ${revision}, and was at ${revision + 1n}: a snapshot was restored`,
    ),
  })
  await expect(connection.watch(revision, signal)).resolves.toBeDefined()
})

test('a watch returns all changes of a history that does not fit into one message', async () => {
  const revisions: string[] = []
  for (let i = 0; i < 5; i++) revisions.push(await etcd.put(key, 'x'.repeat(1 << 20)))
  const connection = await openConnection()
  const watch = await connection.watch(BigInt(revisions[0]!) - 1n, signal)
  const drained: string[] = []
  while (drained.length < revisions.length) {
    await watch.changed(signal)
    for (const { modRevision } of watch.drain()) drained.push(String(modRevision))
  }
  expect(drained).toEqual(revisions)
})
