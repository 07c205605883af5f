import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test as base, describe, expect } from 'vitest'
import { resolveApiserverAddresses } from '../../src/index.ts'
import type { ApiserverAddressEvents } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy } from '../support/net.ts'

const key = 'rke2/apiaddresses'
const three = '["10.0.0.13:6443","10.0.0.11:6443","10.0.0.12:6443"]\n'
const addresses = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443']

const test = base.extend('etcd', { scope: 'file' }, async ({}, { onCleanup }) => {
  const etcd = await startEtcd({ rke2Flags: true })
  onCleanup(() => etcd[Symbol.asyncDispose]())
  return etcd
})

test('on a server with the files and the etcd of RKE2, one call gives the addresses', async ({ etcd }) => {
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

test('the write that completes the list ends the wait, without another read', async ({ etcd }) => {
  using leaks = checkLeaks()
  await etcd.del(key)
  const events = new EventEmitter<ApiserverAddressEvents>()
  const steps = ['', '[]\n', '["10.0.0.11:6443"]\n', three]
  events.on('retry', () => void etcd.put(key, steps.shift() ?? three))
  const call = resolveApiserverAddresses({ dataDir: etcd.dataDir, endpoints: etcd.endpoints, minAddresses: 3, events })
  expect(await call).toMatchObject({ addresses, attempts: 1 })
  expect(steps).toEqual([])
  await leaks.expectNone()
})

test('a proxy in the environment changes nothing', async ({ etcd }) => {
  await etcd.put(key, three)
  const proxy = 'http://127.0.0.1:1'
  const { stdout } = await child(etcd, `console.log((await call).addresses.join())`, {
    http_proxy: proxy,
    https_proxy: proxy,
    grpc_proxy: proxy,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
  })
  expect(stdout).toBe(`${addresses.join()}\n`)
})

describe('once the call has settled, the process ends by itself within 100 ms', () => {
  const cases = [
    ['resolved', three, {}, 'resolved'],
    ['failed for good', 'rubbish', {}, 'REJECTED'],
    ['out of attempts', undefined, { retry: { maxAttempts: 2 } }, 'ATTEMPTS_EXHAUSTED'],
    ['timed out while it watched', undefined, { timeoutMs: 1000 }, 'DEADLINE_EXCEEDED'],
    ['timed out while nothing answered', 'silence', { timeoutMs: 1000 }, 'DEADLINE_EXCEEDED'],
    ['aborted while it watched', undefined, { abortAfterMs: 1000 }, 'enough'],
    ['aborted while nothing answered', 'silence', { abortAfterMs: 1000 }, 'enough'],
  ] as const

  test.for(cases)('%s', async ([_name, value, options, outcome], { etcd }) => {
    await using proxy = await startProxy(etcd.endpoints[0] ?? '')
    if (value === 'silence') await proxy.blackhole()
    else await (value === undefined ? etcd.del(key) : etcd.put(key, value))
    const script = `
      const settled = await call.then(() => 'resolved', (error) => error.code ?? error)
      process.on('exit', (code) => console.log(JSON.stringify([settled, code])))`
    const { stdout, stderr } = await child(etcd, script, {}, { ...options, endpoints: proxy.endpoint })
    // The process ends by itself, as nothing is left of the call.
    expect(JSON.parse(stdout)).toEqual([outcome, 0])
    expect(stderr).toBe('')
  })
})

/** Runs a call in a process of its own, as a user's program would. */
function child(
  etcd: { readonly dataDir: string; readonly endpoints: readonly string[] },
  script: string,
  env: Record<string, string> = {},
  { abortAfterMs, ...options }: { abortAfterMs?: number } & Record<string, unknown> = {},
) {
  const given = JSON.stringify({ dataDir: etcd.dataDir, endpoints: etcd.endpoints, ...options })
  const source = `
    import { resolveApiserverAddresses } from ${JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))}
    const controller = new AbortController()
    const abortAfterMs = ${JSON.stringify(abortAfterMs ?? null)}
    const call = resolveApiserverAddresses({ ...${given}, signal: controller.signal })
    if (abortAfterMs !== null) setTimeout(() => controller.abort('enough'), abortAfterMs)
    ${script}`
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, ...env },
  })
}
