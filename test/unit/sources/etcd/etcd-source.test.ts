import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Reason } from '../../../../src/errors.ts'
import { EtcdSource } from '../../../../src/sources/etcd/etcd-source.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { idle, VirtualClock } from '../../../support/clock.ts'
import { ControlledConnection, etcdOptions, snapshot, startSource } from '../../../support/etcd-source.ts'
import { temporaryFolder } from '../../../support/folder.ts'

const never = new AbortController().signal

test('EtcdSource.read returns the answer of the first endpoint, and reads the same endpoint again', async () => {
  const { read, latest, connectedHosts, source } = startSource('abc')
  const first = read()
  await idle()
  latest('a').answer()
  expect(await first).toBe(snapshot)
  await read()
  expect([connectedHosts(), latest('a').reads, source.endpoint]).toEqual(['a', 2, 'http://a:2379'])
})

test('EtcdSource.read continues with the next endpoint at once when an endpoint fails', async () => {
  const { clock, read, latest, connectedHosts, source } = startSource('abc')
  const result = read()
  await idle()
  latest('a').fail('unreachable')
  await idle()
  latest('b').fail('no-leader')
  await idle()
  latest('c').answer()
  expect(await result).toBe(snapshot)
  expect([clock.now(), connectedHosts(), source.endpoint]).toEqual([0, 'abc', 'http://c:2379'])
  expect([latest('a').closed, latest('b').closed, latest('c').closed]).toEqual([true, true, false])
})

test('EtcdSource.read reads the next endpoint after 500 ms of silence too, and returns the first answer', async () => {
  const { clock, read, latest, connectedHosts } = startSource('abc')
  const result = read()
  await clock.advance(499)
  expect(connectedHosts()).toBe('a')
  await clock.advance(1)
  expect(connectedHosts()).toBe('ab')
  await clock.advance(500)
  expect(connectedHosts()).toBe('abc')
  latest('b').answer()
  expect(await result).toBe(snapshot)
  expect([latest('a').closed, latest('b').closed, latest('c').closed]).toEqual([true, false, true])
})

test('EtcdSource.read reads every endpoint within one attempt, even if attemptTimeoutMs is short', async () => {
  const { clock, read, connectedHosts } = startSource('abcd', { attemptTimeoutMs: 50 })
  const result = read()
  await clock.advance(50)
  await expect(result).rejects.toMatchObject({ reason: 'unreachable' })
  expect(connectedHosts()).toBe('abcd')
})

test('EtcdSource.read reads the first endpoint of a failed attempt last in the next attempt', async () => {
  const { read, latest, connectedHosts } = startSource('ab')
  const first = read()
  await idle()
  latest('a').fail('unreachable')
  await idle()
  latest('b').fail('unreachable')
  await expect(first).rejects.toMatchObject({ reason: 'unreachable' })
  const second = read()
  await idle()
  latest('b').answer()
  await second
  expect(connectedHosts()).toBe('abb')
})

test.each<[reported: Reason, failures: Reason[]]>([
  ['no-leader', ['unreachable', 'no-leader', 'timeout']],
  ['unreachable', ['tls-rejected', 'unreachable']],
  ['permission-denied', ['timeout', 'permission-denied']],
  ['invalid-value', ['invalid-value', 'unreachable']],
])('EtcdSource.read rejects with %s when its endpoints fail with %j', async (reported, failures) => {
  const hosts = 'abc'.slice(0, failures.length)
  const { read, latest } = startSource(hosts)
  const result = read()
  for (const [index, reason] of failures.entries()) {
    await idle()
    latest(hosts[index]!)?.fail(reason)
  }
  await expect(result).rejects.toMatchObject({ reason: reported })
})

test.each<Reason>(['unauthenticated', 'permission-denied', 'invalid-value'])(
  'EtcdSource.read rejects at once when one endpoint fails with %s, which is the same on all endpoints',
  async (reason) => {
    const { clock, read, latest, connectedHosts } = startSource('abc')
    const result = read()
    await clock.advance(500)
    latest('b').fail(reason)
    await expect(result).rejects.toMatchObject({ reason })
    expect([clock.now(), connectedHosts()]).toEqual([500, 'ab'])
  },
)

test('EtcdSource.read rejects with signal.reason at once when it is aborted', async () => {
  const { read, clock } = startSource('ab')
  const controller = new AbortController()
  const result = read(controller.signal)
  await clock.advance(600)
  controller.abort('enough')
  await expect(result).rejects.toBe('enough')
})

test('EtcdSource.close closes a connection that is made later by a read in flight', async () => {
  const { read, source, connections, clock } = startSource('a', { connectDelayMs: 100 })
  const controller = new AbortController()
  const result = read(controller.signal)
  await clock.advance(50)
  source.close()
  controller.abort('closed')
  await clock.advance(100)
  await expect(result).rejects.toBe('closed')
  expect(connections.map(({ closed }) => closed)).toEqual([true])
})

/** Starts a source with certificate files that the test can change; `answer` ends the reads of each new connection. */
async function startWithFiles(answer: (connection: ControlledConnection) => void) {
  const authority = await createAuthority()
  const folder = temporaryFolder()
  const tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
  const writeFiles = async () => {
    const { cert, key } = await authority.issue({ commonName: 'client' })
    await Promise.all([writeFile(tls.caFile, authority.cert), writeFile(tls.certFile, cert)])
    await writeFile(tls.keyFile, key)
  }
  await writeFiles()
  const connections: ControlledConnection[] = []
  const source = new EtcdSource(
    etcdOptions({ endpoints: 'https://a:2379', tls }),
    new VirtualClock(),
    async (options) => {
      const connection = new ControlledConnection(options)
      connections.push(connection)
      answer(connection)
      return connection
    },
  )
  return { source, writeFiles, uses: () => connections.map(({ reads, closed }) => ({ reads, closed })) }
}

test('EtcdSource.read uses a new connection when the certificate files have changed, and only then', async () => {
  const { source, writeFiles, uses } = await startWithFiles((connection) => connection.answer())
  await source.read(never)
  await source.read(never)
  expect(uses()).toEqual([{ reads: 2, closed: false }])
  const { fingerprint } = source
  await writeFiles()
  await source.read(never)
  expect(uses()).toEqual([
    { reads: 2, closed: true },
    { reads: 1, closed: false },
  ])
  expect(source.fingerprint).not.toBe(fingerprint)
})

test.each<Reason>(['tls-rejected', 'unreachable'])(
  'EtcdSource.read reads over the established connection when one with new certificate files is %s',
  async (reason) => {
    let opened = 0
    const { source, writeFiles, uses } = await startWithFiles((connection) =>
      ++opened === 2 ? connection.fail(reason) : connection.answer(),
    )
    await source.read(never)
    await writeFiles()
    expect(await source.read(never)).toBe(snapshot)
    expect(uses()).toEqual([
      { reads: 2, closed: false },
      { reads: 1, closed: true },
    ])
    // The next read tries the new files again, and etcd accepts them by now.
    await source.read(never)
    expect(uses()).toEqual([
      { reads: 2, closed: true },
      { reads: 1, closed: true },
      { reads: 1, closed: false },
    ])
  },
)

test('EtcdSource.watch opens the watch on the endpoint that answered the last read', async () => {
  const { read, latest, source } = startSource('ab')
  const result = read()
  await idle()
  latest('a').fail('learner')
  await idle()
  latest('b').answer()
  await result
  await source.watch(7n, never)
  expect([latest('a').watches, latest('b').watches]).toEqual([0, 1])
})

test('EtcdSource.watch rejects with timeout when the watch is not confirmed within attemptTimeoutMs', async () => {
  const { read, latest, source, clock } = startSource('a')
  const result = read()
  await idle()
  latest('a').answer()
  await result
  latest('a').hold()
  const watch = source.watch(7n, never)
  watch.catch(() => {})
  await clock.advance(5000)
  await expect(watch).rejects.toMatchObject({ reason: 'timeout' })
})

test('EtcdSource.watch rejects with unavailable without a connection', async () => {
  const { source } = startSource('a')
  await expect(source.watch(0n, never)).rejects.toMatchObject({ reason: 'unavailable' })
})
