import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { json } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { stopProcess } from '../../../robustness/failpoint/stop-process.ts'
import { createAuthority } from '../../support/certificates.ts'
import { unusedPort } from '../../support/net.ts'
import { serve } from '../../support/serve.ts'

const onLinux = { skip: process.platform !== 'linux' }

/** Starts a process that runs until the test is over. */
async function startProcess(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log()'])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child as ChildProcess & { pid: number }
}

/** Returns the state of a process as Linux gives it: `T` for one that is stopped. */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2)[0]!
}

test('stopProcess sends the request while the process is stopped, and continues the process', onLinux, async () => {
  const { pid } = await startProcess()
  const received: unknown[] = []
  const server = createServer(async (request, response) => {
    await vi.waitFor(() => expect(stateOf(pid)).toBe('T'))
    received.push(await json(request))
    response.end('{"revision":"7"}')
  })
  const url = `http://127.0.0.1:${await serve(server)}`
  const startedAt = performance.now()
  const result = await stopProcess(pid, 1, { url, body: { key: 'a' } })
  expect(received).toEqual([{ key: 'a' }])
  await expect.poll(() => stateOf(pid)).not.toBe('T')
  expect(result?.reply).toEqual({ revision: '7' })
  expect(result?.sentAt).toBeGreaterThan(startedAt)
  expect(result?.completedAt).toBeGreaterThan(result!.sentAt)
  expect(result?.completedAt).toBeLessThan(performance.now())
})

test('stopProcess sends the request with a client certificate', onLinux, async () => {
  const { pid } = await startProcess()
  const authority = await createAuthority()
  const { cert, key } = await authority.issue({ commonName: 'admin', ipAddresses: ['127.0.0.1'] })
  const tls = { ca: authority.cert, cert, key }
  const received: unknown[] = []
  const server = createTlsServer({ ...tls, requestCert: true }, async (request, response) => {
    received.push(request.method, (request.socket as TLSSocket).authorized, await json(request))
    response.end('{}')
  })
  const url = `https://127.0.0.1:${await serve(server)}`
  expect(await stopProcess(pid, 1, { url, method: 'PUT', body: { key: 'a' }, tls })).toBeDefined()
  expect(received).toEqual(['PUT', true, { key: 'a' }])
})

test('stopProcess continues the process when the server refuses the request', onLinux, async () => {
  const { pid } = await startProcess()
  const server = createServer((_request, response) => response.writeHead(503).end('{}'))
  const url = `http://127.0.0.1:${await serve(server)}`
  expect(await stopProcess(pid, 1, { url, body: {} })).toBeUndefined()
  await expect.poll(() => stateOf(pid)).not.toBe('T')
})

test('stopProcess continues the process when nothing listens on the port of the request', onLinux, async () => {
  const { pid } = await startProcess()
  const url = `http://127.0.0.1:${await unusedPort()}`
  expect(await stopProcess(pid, 1, { url, body: {} })).toBeUndefined()
  await expect.poll(() => stateOf(pid)).not.toBe('T')
})

test('stopProcess stops a process without a request', onLinux, async () => {
  const { pid } = await startProcess()
  expect(await stopProcess(pid, 1)).toBeUndefined()
  await expect.poll(() => stateOf(pid)).not.toBe('T')
})

test('stopProcess rejects when the process does not exist', async () => {
  const child = await startProcess()
  child.kill('SIGKILL')
  await once(child, 'exit')
  await expect(stopProcess(child.pid, 1)).rejects.toThrow(/ESRCH/)
})
