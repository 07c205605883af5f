import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createSecureServer } from 'node:http2'
import type { Http2SecureServer } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../src/command/command.ts'
import type { ResolveOptions } from '../../src/index.ts'
import { createAuthority } from '../support/certificates.ts'
import type { Authority, KeyPair } from '../support/certificates.ts'
import { answer, frame, message, range, refusal, startHostileEtcd } from '../support/hostile-etcd.ts'
import '../support/preload.ts'
import type { ClientTlsFiles } from '../../src/rke2.ts'
import { everythingEmittedBy } from '../support/emitted-text.ts'
import { serve } from '../support/serve.ts'

const password = 'hunter2-marked'
const token = 'token-marked.123'
const credentials = { username: 'root', password }

let folder: string
let authority: Authority
let pair: KeyPair
let files: ClientTlsFiles
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secrets-'))
  authority = await createAuthority()
  pair = await authority.issue({ commonName: 'client', ipAddresses: ['127.0.0.1'] })
  files = { caFile: await file(authority.cert), certFile: await file(pair.cert), keyFile: await file(pair.key) }
})
afterAll(() => rm(folder, { recursive: true }))

let count = 0
async function file(text: string): Promise<string> {
  const name = join(folder, `${++count}.pem`)
  await writeFile(name, text, { mode: 0o600 })
  return name
}
const body = (pem: string) => pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))

/** Returns the secrets, and the recognisable parts of secrets, that a text contains. */
function secretsIn(text: string): string[] {
  const base64 = body(pair.key).flatMap((line) => [line.slice(0, 16), line.slice(-16)])
  const der = Buffer.from(body(pair.key).join(''), 'base64')
  const bytes = [der.toString('hex').slice(60, 80), der.subarray(36, 50).toString('latin1')]
  return [
    password,
    'hunter2',
    token,
    'token-marked',
    Buffer.from(password).toString('base64'),
    ...base64,
    ...bytes,
  ].filter((secret) => text.includes(secret))
}

/** Starts a TLS server that answers every request with 403, for the length of the test. */
async function tlsServer(by: Authority, options: object = {}): Promise<string> {
  const server: Http2SecureServer = createSecureServer(
    { ...(await by.issue({ commonName: 'server', ipAddresses: ['127.0.0.1'] })), ...options },
    (_request, response) => void response.writeHead(403).end(),
  )
  return `https://127.0.0.1:${await serve(server.on('sessionError', () => {}))}`
}

const tokenAnswer = answer(frame(message([1, message([3, 5n])], [2, token])))
const withAuth = (onRange = answer(frame(range()))) => startHostileEtcd({ onAuthenticate: tokenAnswer, onRange })
const withChangedKey = (part: (key: string) => string) => async () => ({
  tls: { ...files, keyFile: await file(part(pair.key)) },
})

/** The options of calls that deal with a secret. */
const situations: Record<string, () => Promise<ResolveOptions>> = {
  'a list, with a token': async () => ({ endpoints: await withAuth(), key: 'key', credentials }),
  'a list, with auth switched off': async () => ({ endpoints: await startHostileEtcd({}), key: 'key', credentials }),
  'a wrong password': async () => ({
    endpoints: await startHostileEtcd({ onAuthenticate: refusal('3', 'etcdserver: authentication failed') }),
    credentials,
  }),
  'a stale token': async () => ({
    endpoints: await withAuth(refusal('16', 'etcdserver: invalid auth token')),
    credentials,
  }),
  'no permission': async () => ({
    endpoints: await withAuth(refusal('7', 'etcdserver: permission denied')),
    credentials,
  }),
  'an invalid answer to the password': async () => ({
    endpoints: await startHostileEtcd({ onAuthenticate: answer(frame(Buffer.alloc(9, 0xff))) }),
    credentials,
  }),
  'a port without etcd': async () => ({ endpoints: 'http://127.0.0.1:1', credentials }),
  'a deadline': async () => ({
    endpoints: await startHostileEtcd({ onAuthenticate: tokenAnswer, onRange: () => {} }),
    credentials,
    attemptTimeoutMs: 100,
  }),
  'a key cut in half': withChangedKey((key) => key.slice(0, 100)),
  'a key without its last line': withChangedKey((key) => key.replace(/-----END.*/, '')),
  'a key without its first line': withChangedKey((key) => key.replace(/-----BEGIN.*\n/, '')),
  'a key with an invalid byte': withChangedKey((key) => key.replace(/\n(.{20})./, '\n$1!')),
  'a key labelled as encrypted': withChangedKey((key) => key.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY')),
  'a key labelled as another kind': withChangedKey((key) => key.replaceAll('PRIVATE KEY', 'RSA PRIVATE KEY')),
  'a key labelled as a certificate': withChangedKey((key) => key.replaceAll('PRIVATE KEY', 'CERTIFICATE')),
  'a password instead of the key': withChangedKey(() => password),
  'key and certificate swapped': async () => ({
    tls: { ...files, certFile: files.keyFile, keyFile: files.certFile },
  }),
  'the key as CA': async () => ({ tls: { ...files, caFile: files.keyFile } }),
  'the key labelled as a CA': async () => ({
    tls: { ...files, caFile: await file(pair.key.replaceAll('PRIVATE KEY', 'CERTIFICATE')) },
  }),
  'a key that belongs to another certificate': async () => ({
    tls: { ...files, certFile: await file((await authority.issue({ commonName: 'other' })).cert) },
  }),
  'an etcd of another CA': async () => ({ endpoints: await tlsServer(await createAuthority()), tls: files }),
  'an etcd that refuses the certificate': async () => ({
    endpoints: await tlsServer(authority, { requestCert: true, ca: (await createAuthority()).cert }),
    tls: files,
  }),
  'a TLS server that is not etcd': async () => ({ endpoints: await tlsServer(authority), tls: files, credentials }),
  'the key instead of its path': async () => ({ tls: { ...files, keyFile: pair.key } }),
  'the key instead of all paths': async () => ({ tls: pair.key }) as unknown as ResolveOptions,
  'the key as bytes': async () => ({ tls: { ...files, keyFile: Buffer.from(pair.key) } }) as unknown as ResolveOptions,
  'a password in a URL': async () => ({ endpoints: `https://root:${password}@127.0.0.1:1` }),
  'a password in a URL without scheme': async () => ({ endpoints: `root:${password}@127.0.0.1:1` }),
  'a misspelt option with a password': async () => ({ credential: credentials }) as ResolveOptions,
  'a password that is not a string': async () =>
    ({ credentials: { username: 'a', password: [password] } }) as unknown as ResolveOptions,
}

test.each(Object.entries(situations))('resolve and watch reveal no secret with %s', async (_name, createOptions) => {
  const output = await everythingEmittedBy(await createOptions())
  expect(output.length).toBeGreaterThan(100)
  expect(secretsIn(output)).toEqual([])
})

/** The arguments and the environment of commands that deal with a secret. */
const commands: Record<string, () => Promise<{ args?: string[]; env?: Record<string, string> }>> = {
  'a list': async () => ({ args: ['--endpoints', await withAuth()] }),
  'a wrong password': async () => ({
    args: [
      '--endpoints',
      await startHostileEtcd({ onAuthenticate: refusal('3', 'etcdserver: authentication failed') }),
    ],
  }),
  'name and password in one variable': async () => ({
    env: { ETCDCTL_USER: `root:${password}`, ETCDCTL_ENDPOINTS: await withAuth() },
  }),
  'a password without a name': async () => ({ env: { ETCDCTL_USER: ` :${password}` } }),
  'a password in a flag': async () => ({ args: ['--user', `root:${password}`] }),
  'a password in an unknown flag': async () => ({ args: [`--password=${password}`] }),
  'a password in a URL': async () => ({ args: ['--endpoints', `https://root:${password}@h`] }),
  'a password in a URL in the environment': async () => ({ env: { ETCDCTL_ENDPOINTS: `root:${password}@h` } }),
  'a key instead of its path': async () => ({ args: ['--cacert', 'a', '--cert', 'b', `--key=${pair.key}`] }),
  'a key in the environment': async () => ({
    env: { ETCDCTL_CACERT: 'a', ETCDCTL_CERT: 'b', ETCDCTL_KEY: pair.key },
  }),
  'a key cut in half': async () => ({
    args: ['--cacert', files.caFile, '--cert', files.certFile, '--key', await file(pair.key.slice(0, 100))],
  }),
}

test.each(Object.entries(commands))(
  'the command reveals no secret, in its log as JSON or text and on a terminal, with %s',
  async (_name, createCommand) => {
    const { args = [], env = {} } = await createCommand()
    for (const format of ['json', 'text', 'auto']) {
      const isTTY = format === 'auto'
      let output = ''
      const stream = () =>
        Object.assign(new Writable({ write: (chunk, _, done) => ((output += String(chunk)), done()) }), { isTTY })
      const code = await run({
        args: [
          ...args,
          '--address-key',
          'key',
          '--max-attempts',
          '2',
          ...(isTTY ? [] : ['--log-level', 'trace', '--log-format', format]),
        ],
        env: { ETCDCTL_USER: 'root', ETCDCTL_PASSWORD: password, ...env },
        stdout: stream(),
        stderr: stream(),
        stderrId: () => '1:2',
        signal: new AbortController().signal,
        signals: { passOn() {} },
        version: () => '1.2.3',
        library: () => import('../../src/index.ts'),
        now: () => performance.now(),
      })
      expect([0, 1, 2]).toContain(code)
      expect(output).not.toBe('')
      expect(secretsIn(output)).toEqual([])
    }
  },
)

test('secretsIn finds every secret', () => {
  for (const text of [`a ${password}`, `a ${token}`, pair.key, pair.key.replaceAll('\n', '\\n')]) {
    expect(secretsIn(text)).not.toEqual([])
  }
})
