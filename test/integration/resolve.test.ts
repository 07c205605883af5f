import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test as base, expect } from 'vitest'
import { resolveApiserverAddresses } from '../../src/index.ts'
import type { ApiserverAddressEvents } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy } from '../support/net.ts'

const key = 'rke2/apiaddresses'
const three = '["10.0.0.13:6443","10.0.0.11:6443","10.0.0.12:6443"]\n'
const addresses = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443']
const hourMs = 3_600_000

const test = base.extend('etcd', { scope: 'file' }, async ({}, { onCleanup }) => {
  const etcd = await startEtcd({ rke2Flags: true })
  onCleanup(() => etcd[Symbol.asyncDispose]())
  return etcd
})

test('resolve returns the addresses on a server with the files and the etcd of RKE2', async ({ etcd }) => {
  using leaks = checkLeaks()
  const revision = await etcd.put(key, three)
  const result = await resolveApiserverAddresses({ dataDir: etcd.dataDir, endpoints: etcd.endpoints })
  expect(result).toMatchObject({
    addresses,
    urls: addresses.map((address) => `https://${address}`),
    revision,
    attempts: 1,
  })
  await leaks.expectNone()
})

test('resolve returns the list when a write completes it, without another read', async ({ etcd }) => {
  using leaks = checkLeaks()
  await etcd.del(key)
  const events = new EventEmitter<ApiserverAddressEvents>()
  const values = ['', '[]\n', '["10.0.0.11:6443"]\n', three]
  events.on('retry', () => void etcd.put(key, values.shift() ?? three))
  const call = resolveApiserverAddresses({ dataDir: etcd.dataDir, endpoints: etcd.endpoints, minAddresses: 3, events })
  expect(await call).toMatchObject({ addresses, attempts: 1 })
  expect(values).toEqual([])
  await leaks.expectNone()
})

test('resolve uses no proxy that the environment names', async ({ etcd }) => {
  await etcd.put(key, three)
  const proxy = 'http://127.0.0.1:1'
  const { stdout } = await runProgram(etcd, `console.log((await call).addresses.join())`, {
    http_proxy: proxy,
    https_proxy: proxy,
    grpc_proxy: proxy,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
  })
  expect(stdout).toBe(`${addresses.join()}\n`)
})

// Every other wait takes an hour: what is left of it would keep the process running.
const longWaits = { attemptTimeoutMs: hourMs, retry: { initialDelayMs: hourMs, maxDelayMs: hourMs } }

test.for([
  ['has resolved', three, longWaits, 'resolved'],
  ['was rejected', 'rubbish', longWaits, 'REJECTED'],
  [
    'has used all attempts',
    undefined,
    { attemptTimeoutMs: hourMs, retry: { initialDelayMs: 1, maxAttempts: 2 } },
    'ATTEMPTS_EXHAUSTED',
  ],
  ['has timed out while it watched', undefined, { ...longWaits, timeoutMs: 1000 }, 'DEADLINE_EXCEEDED'],
  ['has timed out while etcd did not answer', 'silence', { ...longWaits, timeoutMs: 1000 }, 'DEADLINE_EXCEEDED'],
  ['was aborted while it watched', undefined, { ...longWaits, abortAfterMs: 1000 }, 'enough'],
  ['was aborted while etcd did not answer', 'silence', { ...longWaits, abortAfterMs: 1000 }, 'enough'],
] as const)('a process ends by itself when its call %s', async ([_title, value, options, outcome], { etcd }) => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  if (value === 'silence') await proxy.blackhole()
  else await (value === undefined ? etcd.del(key) : etcd.put(key, value))
  const script = `
    const outcome = await call.then(() => 'resolved', (error) => error.code ?? error)
    process.on('exit', (code) => console.log(JSON.stringify([outcome, code])))`
  const { stdout, stderr } = await runProgram(etcd, script, {}, { ...options, endpoints: proxy.endpoint })
  expect(JSON.parse(stdout)).toEqual([outcome, 0])
  expect(stderr).toBe('')
})

/** Runs a program that makes a call, in a process of its own. Rejects unless it ends by itself, with code 0. */
function runProgram(
  etcd: { readonly dataDir: string; readonly endpoints: readonly string[] },
  script: string,
  env: Record<string, string> = {},
  { abortAfterMs, ...options }: { abortAfterMs?: number } & Record<string, unknown> = {},
) {
  const allOptions = JSON.stringify({ dataDir: etcd.dataDir, endpoints: etcd.endpoints, ...options })
  const source = `
    import { resolveApiserverAddresses } from ${JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))}
    const controller = new AbortController()
    const abortAfterMs = ${JSON.stringify(abortAfterMs ?? null)}
    const call = resolveApiserverAddresses({ ...${allOptions}, signal: controller.signal })
    if (abortAfterMs !== null) setTimeout(() => controller.abort('enough'), abortAfterMs)
    ${script}`
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, ...env },
  })
}
