import { EventEmitter } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test as base, expect } from 'vitest'
import { resolveApiserverAddresses } from '../../src/index.ts'
import type { ApiserverAddressEvents, PhaseEvent } from '../../src/index.ts'
import { nodeHint } from '../../src/rke2.ts'

const test = base.extend('dataDir', async ({}, { onCleanup }) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'data-dir-'))
  onCleanup(() => rmSync(dataDir, { recursive: true }))
  return dataDir
})

const make = (dataDir: string, paths: string[]) => {
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
] as const)('%s is told, with what to do', ([, paths, hint], { dataDir }) => {
  make(dataDir, [...paths])
  expect(nodeHint(dataDir)).toMatch(hint)
  expect(nodeHint(dataDir)).toMatch(/run on a server.*, or give endpoints and tls$/)
})

test.for([
  ['a server with embedded etcd', ['agent/x', 'server/db/etcd/member/']],
  ['a server that was moved from sqlite to etcd', ['server/db/state.db', 'server/db/etcd/member/']],
  ['a control-plane-only server', ['agent/x', 'server/tls/etcd/client.crt']],
  ["a server's first second", ['server/']],
] as const)('%s gives no hint', ([, paths], { dataDir }) => {
  make(dataDir, [...paths])
  expect(nodeHint(dataDir)).toBeUndefined()
})

test('a data directory that does not exist is told', ({ dataDir }) => {
  expect(nodeHint(join(dataDir, 'none'))).toMatch(/none does not exist/)
})

test('the hint is in the phase and in the error, and the wait goes on', async ({ dataDir }) => {
  make(dataDir, ['agent/x'])
  const phases: PhaseEvent[] = []
  const events = new EventEmitter<ApiserverAddressEvents>()
  events.on('phase', (event) => {
    phases.push(event)
    // The server's first seconds look the same.
    if (phases.length === 1) make(dataDir, ['server/'])
  })
  const call = resolveApiserverAddresses({ dataDir, events, retry: { maxAttempts: 2, initialDelayMs: 1 } })
  await expect(call).rejects.toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'tls-files-missing', attempts: 2 })
  expect(phases.map(({ reason, hint }) => [reason, hint?.includes('looks like an agent node')])).toEqual([
    ['tls-files-missing', true],
    ['tls-files-missing', undefined],
  ])
  await expect(
    resolveApiserverAddresses({ dataDir: join(dataDir, 'none'), retry: { maxAttempts: 1 } }),
  ).rejects.toThrow(/server-ca.crt does not exist yet; .* does not exist: either the server was never started/)
})

test('with files of its own a call says nothing about the data directory', async ({ dataDir }) => {
  make(dataDir, ['agent/x'])
  const tls = { caFile: join(dataDir, 'a'), certFile: join(dataDir, 'b'), keyFile: join(dataDir, 'c') }
  const call = resolveApiserverAddresses({ dataDir, tls, retry: { maxAttempts: 1 } })
  await expect(call).rejects.toThrow(/the CA file .*\/a does not exist yet$/)
})
