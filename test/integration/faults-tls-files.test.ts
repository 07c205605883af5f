import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ResolveOptions, TlsFiles } from '../../src/index.ts'
import type { ClientTlsFiles } from '../../src/rke2.ts'
import { ObservedCall } from '../support/call.ts'
import type { KeyPair } from '../support/certificates.ts'
import { clientFiles, writeClientFiles } from '../support/client-files.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { longestPauseMs, record, stopwatch } from '../support/faults.ts'
import { startProxy } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']

let etcd: EtcdCluster
let good: KeyPair
beforeAll(async () => {
  etcd = await startEtcd()
  good = await client()
  await etcd.put('key', JSON.stringify(one))
})
afterAll(() => etcd[Symbol.asyncDispose]())
expectNoLeaks()

const client = () => etcd.authority.issue({ commonName: 'etcd-client', usages: ['client'] })

const write = (files: ClientTlsFiles, pair = good) => writeClientFiles(files, pair, etcd.authority.cert)

const call = (tls: TlsFiles, options: ResolveOptions = {}) =>
  new ObservedCall({ endpoints: etcd.endpoints, tls, key: 'key', ...options })

test('resolve reports tls-files-missing until the last of its certificate files is written', async () => {
  const files = clientFiles()
  const waiting = call(files)
  for (const [file, content] of [
    [files.caFile, etcd.authority.cert],
    [files.certFile, good.cert],
    [files.keyFile, good.key],
  ] as const) {
    await expect.poll(() => waiting.failures.at(-1)).toContain(`${file} does not exist yet`)
    await writeFile(file, '')
    await expect.poll(() => waiting.failures.at(-1)).toContain(`${file} is still empty`)
    await writeFile(file, content)
  }
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  const recoverMs = recovered()
  record({ fault: 'files appear one after the other', reason: 'tls-files-missing', recoverMs })
  expect(waiting.reasons).toEqual(['tls-files-missing'])
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test.each(['caFile', 'certFile', 'keyFile'] as const)(
  'resolve reads its %s again when it was half-written',
  async (half) => {
    const files = clientFiles()
    await write(files)
    const content = { caFile: etcd.authority.cert, certFile: good.cert, keyFile: good.key }[half]
    await writeFile(files[half], content.slice(0, content.length / 2))
    const sinceFault = stopwatch()
    const waiting = call(files)
    const phase = await waiting.until('tls-files-unreadable')
    const reportedMs = sinceFault()
    expect(phase.message).toContain(files[half])
    await writeFile(files[half], content)
    const recovered = stopwatch()
    expect(await waiting.result).toMatchObject({ addresses: one })
    const recoverMs = recovered()
    record({ fault: `half-written ${half}`, reason: 'tls-files-unreadable', reportedMs, recoverMs })
    expect(waiting.reasons).toEqual(['tls-files-unreadable'])
  },
)

test('resolve rejects after two seconds when a certificate file stays half-written', async () => {
  const files = clientFiles()
  await write(files)
  await writeFile(files.certFile, good.cert.slice(0, 200))
  const sinceFault = stopwatch()
  const failing = call(files)
  expect(await failing.error()).toMatchObject({ code: 'REJECTED', reason: 'tls-files-unreadable' })
  expect(sinceFault()).toBeGreaterThan(2000)
})

test('resolve waits while the client certificate is rotated and its key is not', async () => {
  const next = await client()
  const files = clientFiles()
  await write(files, { cert: next.cert, key: good.key })
  const sinceFault = stopwatch()
  const waiting = call(files)
  const phase = await waiting.until('tls-rejected')
  const reportedMs = sinceFault()
  expect(phase.message).toContain(`${files.certFile} and ${files.keyFile} do not match`)
  await writeFile(files.keyFile, next.key)
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  record({ fault: 'certificate without its key', reason: 'tls-rejected', reportedMs, recoverMs: recovered() })
})

test('resolve uses changed certificate files from the next read on, without a failure', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  const files = clientFiles()
  await write(files)
  // With maxAttempts, the call reads on the schedule of the backoff, although it has a watch.
  const waiting = call(files, { endpoints: proxy.endpoint, key: 'absent/1', retry: { maxAttempts: 1000 } })
  await waiting.untilRetry()
  await waiting.untilRetry()
  expect(proxy.connections).toBe(1)
  await write(files, await client())
  await expect.poll(() => proxy.connections).toBe(2)
  await expect.poll(() => proxy.open).toBe(1)
  await etcd.put('absent/1', JSON.stringify(one))
  expect(await waiting.result).toMatchObject({ addresses: one })
  expect(waiting.reasons).toEqual(['not-set'])
})

test.each<[title: string, file: keyof TlsFiles, content: string | undefined, message: RegExp]>([
  [
    'the client certificate file is not PEM',
    'certFile',
    'certificate',
    /the client certificate file .* is not valid PEM: /,
  ],
  ['the CA file contains a key', 'caFile', undefined, /the CA file .* is not valid PEM: /],
])('resolve rejects when %s', async (_title, file, content, message) => {
  const files = clientFiles()
  await write(files)
  await writeFile(files[file], content ?? good.key)
  const error = await call(files, { retry: { initialDelayMs: 2000, jitter: 'none' } }).error()
  expect(error).toMatchObject({ code: 'REJECTED', reason: 'tls-files-unreadable' })
  expect(error.message).toMatch(message)
})

test('resolve rejects at once when a certificate file cannot be read', async () => {
  const files = clientFiles()
  await write(files)
  const error = await call({ ...files, keyFile: join(files.keyFile, '..') }).error()
  expect(error).toMatchObject({ code: 'REJECTED', reason: 'tls-files-unreadable', attempts: 1 })
  expect(error.message).toContain('cannot be read: not a regular file')
})
