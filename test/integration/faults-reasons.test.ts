import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http2'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ApiserverAddressError } from '../../src/index.ts'
import type { Reason, ResolveOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startProxy, unusedPort } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { serve } from '../support/serve.ts'

const attemptTimeoutMs = 1000
const timeoutMs = 1200
/** For calls that do not wait: on a busy machine, the first connection of a process may take a second. */
const ample = { attemptTimeoutMs: 60_000, timeoutMs: 60_000 }

let etcd: EtcdCluster
let withAuth: EtcdCluster
beforeAll(async () => {
  ;[etcd, withAuth] = await Promise.all([startEtcd(), startEtcd({ tls: 'none' })])
  await etcd.put('short', '["10.0.0.11:6443"]')
  await etcd.put('rubbish', 'rubbish')
  await withAuth.enableAuth()
  await withAuth.request('auth/user/add', { name: 'guest', password: 'guest' })
})
afterAll(() => Promise.all([etcd[Symbol.asyncDispose](), withAuth[Symbol.asyncDispose]()]))
expectNoLeaks()

/** Starts a web server that answers every request with this status. */
async function webServer(status: number): Promise<string> {
  const server = createServer((_request, response) => void response.writeHead(status).end())
  server.on('session', (call) => call.on('error', () => {}))
  return `http://127.0.0.1:${await serve(server)}`
}

type Make = () => Promise<ResolveOptions>

const retried: [reason: Reason, description: string, make: Make][] = [
  ['not-set', 'the key', async () => ({ key: 'absent' })],
  ['incomplete', 'the full set of apiservers', async () => ({ key: 'short', minAddresses: 2 })],
  [
    'tls-files-missing',
    'the certificate files',
    async () => {
      const caFile = join(temporaryFolder(), 'ca.crt')
      return { tls: { ...etcd.tls, caFile } }
    },
  ],
  [
    'tls-rejected',
    'certificates that both sides accept',
    async () => {
      const caFile = join(temporaryFolder(), 'ca.crt')
      await writeFile(caFile, (await createAuthority('foreign')).cert)
      return { tls: { ...etcd.tls, caFile } }
    },
  ],
  ['unreachable', 'etcd', async () => ({ endpoints: `https://127.0.0.1:${await unusedPort()}` })],
  [
    'timeout',
    'an answer of etcd',
    async () => {
      const proxy = await startProxy(etcd.endpoints[0]!)
      onTestFinished(() => proxy.close())
      await proxy.blackhole()
      return { endpoints: proxy.endpoint }
    },
  ],
  ['unavailable', 'etcd', async () => ({ endpoints: await webServer(503) })],
  [
    'learner',
    'the promotion of this etcd member',
    async () => {
      const learner = await etcd.addLearner()
      return { endpoints: learner.endpoint }
    },
  ],
  [
    'no-leader',
    "etcd's quorum",
    async () => {
      const [survivor, other] = etcd.members as [EtcdCluster['members'][0], EtcdCluster['members'][0]]
      await etcd.promote(other)
      await other.kill()
      await expect.poll(async () => (await survivor.status()).leader).toBe('0')
      return { endpoints: survivor.endpoint }
    },
  ],
]

const final: [reason: Reason, make: Make][] = [
  ['tls-files-unreadable', async () => ({ tls: { ...etcd.tls, caFile: temporaryFolder() } })],
  ['invalid-value', async () => ({ key: 'rubbish' })],
  [
    'permission-denied',
    async () => ({ endpoints: withAuth.endpoints, credentials: { username: 'guest', password: 'guest' } }),
  ],
  [
    'unauthenticated',
    async () => ({ endpoints: withAuth.endpoints, credentials: { username: 'guest', password: 'wrong' } }),
  ],
  ['rejected', async () => ({ endpoints: await webServer(403) })],
]

/** Returns how two calls with the same fault end: one with `maxAttempts`, and one with `timeoutMs`. */
async function outcomes(make: Make, limits = { attemptTimeoutMs, timeoutMs }) {
  const { attemptTimeoutMs: each, timeoutMs: all } = limits
  const options = { endpoints: etcd.endpoints, tls: etcd.tls, key: 'key', attemptTimeoutMs: each, ...(await make()) }
  const counted = new ObservedCall({ ...options, retry: { maxAttempts: 2 } })
  const limited = new ObservedCall({ ...options, timeoutMs: all })
  const failed: Error[] = []
  for (const { events } of [counted, limited]) events.emitter.on('failed', ({ error }) => failed.push(error))
  const errors = await Promise.all([counted.error(), limited.error()])
  expect(new Set(failed)).toEqual(new Set(errors))
  expect(failed).toHaveLength(2)
  for (const error of errors) {
    expect(error).toBeInstanceOf(ApiserverAddressError)
    expect(error.cause).toBeInstanceOf(Error)
    expect(error.message).toMatch(/^[^\n]+$/)
  }
  return { key: options.key, counted: errors[0], limited: errors[1] }
}

test.each(final)('resolve rejects at once with %s, even with maxAttempts or timeoutMs', async (reason, make) => {
  const { key, counted, limited } = await outcomes(make, ample)
  for (const error of [counted, limited]) {
    expect(error).toMatchObject({ code: 'REJECTED', reason, attempts: 1 })
    expect(error.message).toMatch(new RegExp(`^${key}: failed after \\d+\\.\\d s and 1 attempt: .{30}`))
  }
})

test.each(retried)(
  'resolve with the reason %s ends at maxAttempts and at timeoutMs, and names what it waited for',
  async (reason, description, make) => {
    const { key, counted, limited } = await outcomes(make)
    expect(counted).toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason, attempts: 2 })
    expect(counted.message).toMatch(
      new RegExp(`^${key}: gave up after \\d+\\.\\d s and 2 attempts, waiting for ${description} for .{30}`),
    )
    expect(limited).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason })
    expect(limited.message).toMatch(
      new RegExp(`^${key}: timed out after \\d+\\.\\d s and \\d+ attempts?, waiting for ${description} for .{30}`),
    )
    expect(limited.elapsedMs).toBeGreaterThanOrEqual(timeoutMs - 1)
  },
)

test('resolve names what it waited for when its deadline ends the first attempt', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await proxy.blackhole()
  const error = await new ObservedCall({ endpoints: proxy.endpoint, tls: etcd.tls, timeoutMs: 1500 }).error()
  expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'timeout', attempts: 1 })
  expect(error.message).toContain(`${proxy.endpoint}: TCP connected, but nothing answers`)
})
