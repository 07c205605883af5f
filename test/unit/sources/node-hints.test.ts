import fs, { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test as base, expect, onTestFinished, vi } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { resolveApiserverAddresses } from '../../../src/index.ts'
import type { ResolveOptions } from '../../../src/index.ts'
import { resolve } from '../../../src/resolve.ts'
import { EtcdSource } from '../../../src/sources/etcd/etcd-source.ts'
import { etcdNodeHint, undecidedNodeHint } from '../../../src/sources/node-hints.ts'
import { VirtualClock } from '../../support/clock.ts'
import { etcdOptions } from '../../support/etcd-source.ts'
import { Recorder } from '../../support/recorder.ts'

const test = base.extend('dataDir', async ({}, { onCleanup }) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'data-dir-'))
  onCleanup(() => rmSync(dataDir, { recursive: true }))
  return dataDir
})

const nodeOf = (dataDir: string, isDataDirGiven = true) => ({ dataDir, isDataDirGiven })

/** Creates files, and the folders whose path ends in a slash. */
const create = (dataDir: string, paths: string[]) => {
  for (const path of paths) {
    mkdirSync(dirname(join(dataDir, path)), { recursive: true })
    if (path.endsWith('/')) mkdirSync(join(dataDir, path), { recursive: true })
    else writeFileSync(join(dataDir, path), '')
  }
}

test.for([
  ['an agent node', ['agent/kubelet.kubeconfig'], /has agent\/ and no server\/: this looks like an agent node/],
  ['a server with sqlite', ['agent/x', 'server/db/state.db'], /has a kine datastore/],
  ['a server with an external database', ['agent/x', 'server/kine.sock'], /has a kine datastore/],
  [
    'a server with an external etcd',
    ['agent/x', 'server/cred/', 'server/tls/etcd/client.key'],
    /has no db\/etcd.*--datastore-endpoint/,
  ],
] as const)('etcdNodeHint recognises %s, and says what to do', async ([, paths, hint], { dataDir }) => {
  create(dataDir, [...paths])
  expect(await etcdNodeHint(nodeOf(dataDir), 0)).toMatch(hint)
  expect(await etcdNodeHint(nodeOf(dataDir), 0)).toMatch(
    /set source: 'kubernetes', (or )?run on a server.*, or give endpoints and tls$/,
  )
})

test.for([
  ['a server with embedded etcd', ['agent/x', 'server/db/etcd/member/']],
  ['a server that was moved from sqlite to etcd', ['server/db/state.db', 'server/db/etcd/member/']],
  ['a server that has no certificates yet', ['agent/x', 'server/cred/', 'server/tls/etcd/client.crt']],
  ['a Pod in which only the certificates are mounted', ['server/tls/etcd/client.key']],
  [
    'a control-plane-only server of RKE2',
    ['server/cred/', 'server/tls/etcd/client.key', 'server/etc/rke2-etcd-server-load-balancer.json'],
  ],
  [
    'a control-plane-only server of K3s',
    ['server/cred/', 'server/tls/etcd/client.key', 'server/etc/k3s-etcd-server-load-balancer.json'],
  ],
  ['a server in its first second', ['server/']],
] as const)('etcdNodeHint returns undefined for %s', async ([, paths], { dataDir }) => {
  create(dataDir, [...paths])
  expect(await etcdNodeHint(nodeOf(dataDir), 0)).toBeUndefined()
})

test('etcdNodeHint says that the data directory does not exist', async ({ dataDir }) => {
  expect(await etcdNodeHint(nodeOf(join(dataDir, 'none')), 0)).toMatch(/none does not exist/)
})

test.for([
  ['rke2', 'k3s', true, "set dataDir: '/data/k3s'"],
  ['k3s', 'rke2', true, "set dataDir: '/data/rke2'"],
  ['rke2', 'k3s', false, "set distribution: 'k3s'"],
  ['k3s', 'rke2', false, "set distribution: 'rke2'"],
  ['rke2', 'other', true, 'it uses another data directory'],
  ['other', 'k3s', true, 'it uses another data directory'],
] as const)(
  'the hint for a missing folder %s beside a folder %s, with the option dataDir %s, ends in: %s',
  async ([missing, sibling, isDataDirGiven, end], { dataDir }) => {
    create(dataDir, [`${sibling}/`])
    const node = nodeOf(join(dataDir, missing), isDataDirGiven)
    for (const hint of [await etcdNodeHint(node, 0), await undecidedNodeHint(node)]) {
      expect(hint?.startsWith(`${node.dataDir} does not exist`)).toBe(true)
      expect(hint?.endsWith(` ${end.replace('/data', dataDir)}`)).toBe(true)
    }
  },
)

test('resolve names the data directory of the other distribution in its error when only that one exists', async ({
  dataDir,
}) => {
  create(dataDir, ['k3s/'])
  const { result } = startCall({ dataDir: join(dataDir, 'rke2'), retry: { maxAttempts: 1 } })
  await expect(result).rejects.toThrow(`/rke2 does not exist, and ${dataDir}/k3s does: set dataDir: '${dataDir}/k3s'`)
})

/** Starts a call that reads etcd. The clock does not move while the call looks for a hint on the real disk. */
function startCall(options: ResolveOptions) {
  const clock = new VirtualClock()
  const events = new Recorder()
  const source = new EtcdSource(etcdOptions(options), clock)
  const result = resolve(parseOptions({ ...options, events: events.emitter }, 'resolve'), clock, source)
  result.catch(() => {})
  return { clock, events, result }
}

test('resolve has the hint about the node in phase and error, and goes on waiting', async ({ dataDir }) => {
  create(dataDir, ['agent/x'])
  const { clock, events, result } = startCall({ dataDir, retry: { maxAttempts: 2 } })
  await events.until('retry')
  // A server in its first seconds looks like an agent node too.
  create(dataDir, ['server/'])
  await clock.next()
  await expect(result).rejects.toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'tls-files-missing', attempts: 2 })
  expect(events.of('phase').map(({ reason, hint }) => [reason, hint?.includes('looks like an agent node')])).toEqual([
    ['tls-files-missing', true],
    ['tls-files-missing', undefined],
  ])
})

test('resolve has the hint about a missing data directory in its error', async ({ dataDir }) => {
  const { result } = startCall({ dataDir: join(dataDir, 'none'), retry: { maxAttempts: 1 } })
  await expect(result).rejects.toThrow(
    /server-ca.crt does not exist yet; .* does not exist: either the server was never started/,
  )
})

test('resolve with the option tls has no hint about the data directory', async ({ dataDir }) => {
  create(dataDir, ['agent/x'])
  const tls = { caFile: join(dataDir, 'a'), certFile: join(dataDir, 'b'), keyFile: join(dataDir, 'c') }
  const call = resolveApiserverAddresses({ dataDir, tls, retry: { maxAttempts: 1 } })
  await expect(call).rejects.toThrow(/the CA file .*\/a does not exist yet$/)
})

test('etcdNodeHint rejects without permission to look', async ({ dataDir }) => {
  const denied = Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' })
  const spy = vi.spyOn(fs.promises, 'access').mockRejectedValue(denied)
  onTestFinished(() => spy.mockRestore())
  await expect(etcdNodeHint(nodeOf(join(dataDir, 'none')), 0)).rejects.toThrow('Access to this API')
})

test.for([
  [59_999, undefined],
  [60_000, "if this node was a server once, and is an agent now, set source: 'kubernetes'"],
] as const)(
  'etcdNodeHint of a server with the files of an agent, after %i ms, is %s',
  async ([waitedMs, hint], { dataDir }) => {
    create(dataDir, ['server/db/etcd/member/', 'agent/client-kube-proxy.key'])
    expect(await etcdNodeHint(nodeOf(dataDir), waitedMs)).toBe(hint)
  },
)
