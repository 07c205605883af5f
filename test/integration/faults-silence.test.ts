import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Reason, ResolveOptions } from '../../src/index.ts'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { temporaryFolder } from '../support/folder.ts'
import { dropPackets, startProxy, unusedPort } from '../support/net.ts'
import { serve } from '../support/serve.ts'

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
  await etcd.put('key', '["10.0.0.11:6443"]')
})
afterAll(() => etcd[Symbol.asyncDispose]())

/**
 * Runs calls, all at the same time, in a process that has nothing else to do. Resolves with the list or the reason of each.
 *
 * A call that does not end by itself is aborted when it watches the key, or when its third attempt has failed, with the
 * expected reason.
 */
async function run(...calls: [expected: Reason | undefined, options: ResolveOptions][]) {
  const program = `
    import { EventEmitter } from 'node:events'
    import { resolveApiserverAddresses } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
    const outcomes = ${JSON.stringify(calls)}.map(([expected, options]) => {
      const controller = new AbortController()
      const events = new EventEmitter()
      let attempts = 0
      events.on('retry', ({ reason, watching }) => {
        if (reason === expected && (watching || ++attempts === 3)) controller.abort({ reason })
      })
      const call = resolveApiserverAddresses({ attemptTimeoutMs: 1000, ...options, events, signal: controller.signal })
      return call.then(({ addresses }) => addresses, (error) => error.reason ?? error.message)
    })
    process.send(await Promise.all(outcomes))`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    // Node 22 warns that it strips types.
    env: { PATH: process.env['PATH'], NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text))
  const closed = once(child, 'close')
  const early = closed.then(([code]) => Promise.reject(new Error(`ended with ${code}: ${output}`)))
  const [outcomes] = await Promise.race([once(child, 'message'), early])
  early.catch(() => {})
  const [code] = await closed
  return { outcomes, output, code }
}

test('resolve writes nothing to stdout and stderr in any fault, and its process ends by itself', async () => {
  const folder = temporaryFolder()
  const foreignCa = join(folder, 'ca.crt')
  await writeFile(foreignCa, (await createAuthority()).cert)
  await using silent = await startProxy(etcd.endpoints[0]!)
  await silent.blackhole()
  const dropped = await unusedPort()
  const dropping = await dropPackets(dropped)
  onTestFinished(() => dropping[Symbol.asyncDispose]())
  const web = await serve(createServer((_request, response) => void response.end('hello')))

  const { endpoints, tls } = etcd
  const [endpoint] = endpoints as [string]
  const faults: [Reason, ResolveOptions][] = [
    ['not-set', { endpoints, tls, key: 'absent' }],
    ['incomplete', { endpoints, tls, key: 'key', minAddresses: 2 }],
    ['tls-files-missing', { endpoints, tls: { ...tls, caFile: join(folder, 'none') } }],
    ['tls-files-unreadable', { endpoints, tls: { ...tls, caFile: folder } }],
    ['tls-rejected', { endpoints, tls: { ...tls, caFile: foreignCa } }],
    ['unreachable', { endpoints: `https://127.0.0.1:${await unusedPort()}`, tls }],
    ['unreachable', { endpoints: `https://127.0.0.1:${dropped}`, tls }],
    ['unreachable', { endpoints: endpoint.replace('https:', 'http:'), tls }],
    ['timeout', { endpoints: silent.endpoint, tls }],
    ['rejected', { endpoints: `http://127.0.0.1:${web}`, tls }],
  ]
  const { outcomes, output, code } = await run(...faults)
  expect(outcomes).toEqual(faults.map(([reason]) => reason))
  expect(output).toBe('')
  expect(code).toBe(0)
})

test('resolve writes nothing to stdout and stderr with a healthy etcd at an IP address, and its process ends by itself', async () => {
  const { endpoints, tls } = etcd
  const { outcomes, output, code } = await run([undefined, { endpoints, tls, key: 'key' }])
  expect(outcomes).toEqual([['10.0.0.11:6443']])
  expect(output).toBe('')
  expect(code).toBe(0)
})
