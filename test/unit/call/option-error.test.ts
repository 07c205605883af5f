import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../../src/index.ts'
import type { ResolveOptions } from '../../../src/index.ts'

const parse = (options: unknown) => parseOptions(options, 'resolve')

const invalidOptions: [options: unknown, message: string][] = [
  [null, 'The options must be an object, got null'],
  ['x', "The options must be an object, got 'x'"],
  [new Map(), 'The options must be an object, got Map(0) {}'],
  [{ retry: new Date(NaN) }, 'Option "retry" must be an object, got Invalid Date'],
  [{ endpoints: Promise.resolve() }, 'Option "endpoints" must be a URL or an array of URLs, got [Promise]'],
  [{ minAdresses: 3 }, 'Unknown option "minAdresses"'],
  [{ shrinkDelayMs: 1 }, 'Option "shrinkDelayMs" is only for watchApiserverAddresses'],
  [{ retry: { retries: 3 } }, 'Unknown option "retry.retries"'],
  [{ tls: { caFile: 'a', certFile: 'b', keyFile: 'c', ca: 'd' } }, 'Unknown option "tls.ca"'],
  [{ distribution: 'k8s' }, `Option "distribution" must be 'auto', 'rke2' or 'k3s', got 'k8s'`],
  [{ source: 'k8s' }, `Option "source" must be 'auto', 'etcd' or 'kubernetes', got 'k8s'`],
  [{ source: 'kubernetes', key: 'a' }, `Option "key" is only for the source 'etcd', got 'a'`],
  [{ tokenFile: 't', key: 'a' }, `Option "key" is only for the source 'etcd', got 'a' together with "tokenFile"`],
  [
    { source: 'kubernetes', credentials: { username: 'a', password: 'b' } },
    `Option "credentials" is only for the source 'etcd'`,
  ],
  [{ source: 'etcd', tokenFile: 't' }, `Option "tokenFile" is only for the source 'kubernetes', got 't'`],
  [
    { source: 'kubernetes', endpoints: ['https://a', 'http://b'] },
    `Option "endpoints" must start with https:// for the source 'kubernetes', got 'http://b'`,
  ],
  [{ tokenFile: '' }, `Option "tokenFile" must not be empty, got ''`],
  [{ dataDir: '' }, `Option "dataDir" must not be empty, got ''`],
  [{ dataDir: 5 }, `Option "dataDir" must be a string, got 5`],
  [{ endpoints: [] }, 'Option "endpoints" must name at least one URL, got []'],
  [{ endpoints: 5 }, 'Option "endpoints" must be a URL or an array of URLs, got 5'],
  [{ endpoints: ['https://a', 5] }, 'Option "endpoints[1]" must be a URL or an array of URLs, got 5'],
  [{ endpoints: 'localhost:2379' }, `Option "endpoints" must start with https:// or http://, got 'localhost:2379'`],
  [
    { endpoints: 'unix:///run/etcd.sock' },
    `Option "endpoints" must start with https:// or http://, got 'unix:///run/etcd.sock'`,
  ],
  [
    { endpoints: 'https://a:1/health' },
    `Option "endpoints" must have no path, query or fragment, got 'https://a:1/health'`,
  ],
  [{ endpoints: 'https://a:1?x' }, `Option "endpoints" must have no path, query or fragment, got 'https://a:1?x'`],
  [
    { endpoints: 'https://a:1,https://b:1' },
    `Option "endpoints" must have no path, query or fragment, got 'https://a:1,https://b:1'`,
  ],
  [{ endpoints: 'https://a,b' }, `Option "endpoints" must be one URL; give several as an array, got 'https://a,b'`],
  [{ endpoints: 'https://a:0' }, `Option "endpoints" must be scheme://host:port, got 'https://a:0'`],
  [{ endpoints: 'https://a:99999' }, `Option "endpoints" must be scheme://host:port, got 'https://a:99999'`],
  [{ endpoints: 'https://a b:1' }, `Option "endpoints" must be scheme://host:port, got 'https://a b:1'`],
  [{ endpoints: 'https://fd00::1:2379' }, `Option "endpoints" must be scheme://host:port, got 'https://fd00::1:2379'`],
  [{ endpoints: 'https://' }, `Option "endpoints" must be scheme://host:port, got 'https://'`],
  [{ tls: 'ca.crt' }, `Option "tls" must be { caFile, certFile, keyFile } or { caFile }, got 'ca.crt'`],
  [{ tls: { certFile: 'a', keyFile: 'b' } }, 'Option "tls.caFile" must be a string, got undefined'],
  [{ tls: { caFile: 'a', certFile: 'b' } }, 'Option "tls.keyFile" must be given together with certFile, got undefined'],
  [{ tls: { caFile: 'a', keyFile: 'b' } }, 'Option "tls.certFile" must be given together with keyFile, got undefined'],
  [{ key: '/rke2/apiaddresses' }, `Option "key" must have no leading slash, got '/rke2/apiaddresses'`],
  [{ key: ' ' }, `Option "key" must not be empty, got ' '`],
  [{ minAddresses: 0 }, 'Option "minAddresses" must be a whole number of at least 1, got 0'],
  [{ minAddresses: 1.5 }, 'Option "minAddresses" must be a whole number of at least 1, got 1.5'],
  [{ minAddresses: '3' }, `Option "minAddresses" must be a whole number of at least 1, got '3'`],
  [{ minAddresses: Infinity }, 'Option "minAddresses" must be a whole number of at least 1, got Infinity'],
  [{ expect: 'a' }, `Option "expect" must be an array of host or host:port, got 'a'`],
  [{ expect: ['a', 'https://a'] }, `Option "expect[1]" must be host or host:port, got 'https://a'`],
  [{ expect: [7] }, 'Option "expect[0]" must be host or host:port, got 7'],
  [{ settleMs: -1 }, 'Option "settleMs" must be a number of milliseconds, 0 or more, got -1'],
  [{ settleMs: NaN }, 'Option "settleMs" must be a number of milliseconds, 0 or more, got NaN'],
  [{ settleMs: Infinity }, 'Option "settleMs" must be a number of milliseconds, 0 or more, got Infinity'],
  [{ probe: 'ping' }, `Option "probe" must be 'tcp', 'tls' or 'readyz', got 'ping'`],
  [{ probe: true }, `Option "probe" must be 'tcp', 'tls' or 'readyz', got true`],
  [{ probeTimeoutMs: 0 }, 'Option "probeTimeoutMs" must be a number of milliseconds above 0, got 0'],
  [{ probeIntervalMs: 1 }, 'Option "probeIntervalMs" is only for watchApiserverAddresses'],
  [{ retry: 5 }, 'Option "retry" must be an object, got 5'],
  [{ retry: { initialDelayMs: 0 } }, 'Option "retry.initialDelayMs" must be a number of milliseconds above 0, got 0'],
  [{ retry: { maxDelayMs: 0 } }, 'Option "retry.maxDelayMs" must be a number of milliseconds above 0, got 0'],
  [{ retry: { factor: 0.5 } }, 'Option "retry.factor" must be a number of at least 1, got 0.5'],
  [{ retry: { jitter: true } }, `Option "retry.jitter" must be 'equal', 'full' or 'none', got true`],
  [
    { retry: { maxAttempts: 0 } },
    'Option "retry.maxAttempts" must be a whole number of at least 1, or Infinity, got 0',
  ],
  [{ timeoutMs: 0 }, 'Option "timeoutMs" must be a number of milliseconds above 0, or Infinity, got 0'],
  [{ timeoutMs: '5m' }, `Option "timeoutMs" must be a number of milliseconds above 0, or Infinity, got '5m'`],
  [{ attemptTimeoutMs: Infinity }, 'Option "attemptTimeoutMs" must be a number of milliseconds above 0, got Infinity'],
  [{ signal: {} }, 'Option "signal" must be an AbortSignal, got {}'],
  [{ events: {} }, 'Option "events" must be an EventEmitter, got {}'],
  [{ logger: 'pino' }, `Option "logger" must be a logger, such as one of pino, got 'pino'`],
  [{ onEvent: 'log' }, `Option "onEvent" must be a function, got 'log'`],
  [{ credentials: { username: 'root' } }, 'Option "credentials.password" must be a string'],
]

test.each(invalidOptions)('parseOptions refuses %j by name and value', (options, message) => {
  expect(() => parse(options)).toThrow(new TypeError(message))
})

test('resolve rejects for invalid options, and watch throws before there is a watch', async () => {
  const bad = { minAddresses: -1 } satisfies ResolveOptions
  await expect(resolveApiserverAddresses(bad)).rejects.toThrow(TypeError)
  expect(() => watchApiserverAddresses(bad)).toThrow(TypeError)
})

test('parseOptions never shows a password', () => {
  const password = 'hunter2'
  for (const options of [
    `https://root:${password}@a:2379`,
    { credentials: { username: 'root', password: [password] } },
    { credentials: password },
    { credentials: { username: 'root', password, extra: password } },
    { endpoints: `https://root:${password}@a:2379` },
    { endpoints: [`https://root:${password}@a:2379/x`] },
    { endpoints: `root:${password}@a:2379` },
    { endpoints: `https://root:pass/${password}@a:2379` },
    { endpoints: `https://root:${password}${'x'.repeat(200)}@a:2379` },
    { endpoints: { url: `https://root:${password}@a:2379`, other: `https://root:${password}@b:2379` } },
    { expect: [`https://root:${password}@a:2379`] },
    { probe: Buffer.from(password) },
    { credential: { username: 'root', password } },
  ]) {
    expect(() => parse(options)).toThrow(TypeError)
    expect(() => parse(options)).not.toThrow(password)
  }
})

test('parseOptions never shows a private key that is given instead of its path', () => {
  const keyFile = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n'
  const message = 'Option "tls.keyFile" must be the path of a file, not its content'
  expect(() => parse({ tls: { caFile: 'a', certFile: 'b', keyFile } })).toThrow(new TypeError(message))
  for (const tls of [keyFile, { caFile: 'a', certFile: 'b', keyFile: [keyFile] }, Buffer.from(keyFile), { keyFile }]) {
    expect(() => parse({ tls })).not.toThrow(/MIGH|4d ?49/)
  }
})

test('parseOptions refuses options that throw when they are read, with the error as the cause', () => {
  const cause = new Error('from a getter')
  const options = Object.defineProperty({}, 'key', {
    get() {
      throw cause
    },
    enumerable: true,
  })
  const message = 'The options cannot be read: reading a property throws an error'
  expect(() => parse(options)).toThrow(new TypeError(message, { cause }))
})

test('parseOptions throws nothing but a TypeError of one line for any value', () => {
  const names = fc.constantFrom(...Object.keys(parse({})), 'other')
  fc.assert(
    fc.property(fc.dictionary(names, fc.anything()), (options) => {
      try {
        parse(options)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
        expect((error as Error).message).not.toContain('\n')
      }
    }),
  )
})
