import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../../src/index.ts'
import type { ResolveOptions } from '../../../src/index.ts'

const parse = (options: unknown) => parseOptions(options, 'resolve')

test('without options, everything is as an RKE2 server has it', () => {
  expect(parse({})).toEqual({
    dataDir: '/var/lib/rancher/rke2',
    usesDataDir: true,
    endpoints: ['https://127.0.0.1:2379'],
    tls: {
      caFile: '/var/lib/rancher/rke2/server/tls/etcd/server-ca.crt',
      certFile: '/var/lib/rancher/rke2/server/tls/etcd/client.crt',
      keyFile: '/var/lib/rancher/rke2/server/tls/etcd/client.key',
    },
    credentials: undefined,
    key: 'rke2/apiaddresses',
    minAddresses: 1,
    expect: [],
    settleMs: 0,
    probe: undefined,
    probeTimeoutMs: 2000,
    probeIntervalMs: Infinity,
    retry: { initialDelayMs: 250, maxDelayMs: 1900, factor: 2, jitter: 'equal', maxAttempts: Infinity },
    timeoutMs: 900_000,
    attemptTimeoutMs: 5000,
    shrinkDelayMs: 0,
    signal: undefined,
    events: undefined,
    logger: undefined,
  })
  expect(parseOptions({}, 'watch')).toMatchObject({ shrinkDelayMs: 3000, probeIntervalMs: 10_000 })
})

test('k3s has its own key and paths', () => {
  const { key, dataDir, tls } = parse({ distribution: 'k3s' })
  expect([key, dataDir, tls.caFile]).toEqual([
    'k3s/apiaddresses',
    '/var/lib/rancher/k3s',
    '/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt',
  ])
})

test('undefined means not given, everywhere', () => {
  const names = Object.keys(parse({})).filter(
    (name) => !['usesDataDir', 'shrinkDelayMs', 'probeIntervalMs'].includes(name),
  )
  const retry = {
    initialDelayMs: undefined,
    maxDelayMs: undefined,
    factor: undefined,
    jitter: undefined,
    maxAttempts: undefined,
  }
  expect(parse({ ...Object.fromEntries(names.map((name) => [name, undefined])), retry })).toEqual(parse({}))
})

test("the caller's objects are neither kept nor changed", () => {
  const given = Object.freeze({
    endpoints: Object.freeze(['HTTPS://A:1/']),
    expect: Object.freeze(['B']),
    retry: Object.freeze({ factor: 3 }),
    tls: Object.freeze({ caFile: 'a', certFile: 'b', keyFile: 'c' }),
  })
  const config = parse(given)
  expect(config.endpoints).toEqual(['https://a:1'])
  expect(config.tls).not.toBe(given.tls)
})

test('signal, events and logger are taken as they are', () => {
  const given = { signal: new AbortController().signal, events: new EventEmitter(), logger: pino({ level: 'silent' }) }
  const { signal, events, logger } = parse(given)
  expect(signal).toBe(given.signal)
  expect(events).toBe(given.events)
  expect(logger).toBe(given.logger)
})

describe('an endpoint is normalised', () => {
  test.each([
    ['https://127.0.0.1:2379', 'https://127.0.0.1:2379'],
    ['HTTPS://LocalHost:2379/', 'https://localhost:2379'],
    ['  http://10.0.0.1:2379\n', 'http://10.0.0.1:2379'],
    ['https://10.0.0.1', 'https://10.0.0.1:2379'],
    ['https://10.0.0.1:443', 'https://10.0.0.1:443'],
    ['http://10.0.0.1:80', 'http://10.0.0.1:80'],
    ['https://[FD00:0::1]', 'https://[fd00::1]:2379'],
    ['https://[::1]:2379', 'https://[::1]:2379'],
  ])('%j', (given, endpoint) => {
    expect(parse({ endpoints: given }).endpoints).toEqual([endpoint])
  })

  test('and asked once, however often it is given', () => {
    expect(parse({ endpoints: ['https://a:2379', 'https://A/', 'https://b'] }).endpoints).toEqual([
      'https://a:2379',
      'https://b:2379',
    ])
  })
})

const complaints: [unknown, string][] = [
  [null, 'The options must be an object, got null'],
  ['x', "The options must be an object, got 'x'"],
  [{ minAdresses: 3 }, 'Unknown option "minAdresses"'],
  [{ shrinkDelayMs: 1 }, 'Unknown option "shrinkDelayMs"'],
  [{ retry: { retries: 3 } }, 'Unknown option "retry.retries"'],
  [{ tls: { caFile: 'a', certFile: 'b', keyFile: 'c', ca: 'd' } }, 'Unknown option "tls.ca"'],
  [{ distribution: 'k8s' }, `Option "distribution" must be 'rke2' or 'k3s', got 'k8s'`],
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
  [{ tls: 'ca.crt' }, `Option "tls" must be { caFile, certFile, keyFile }, got 'ca.crt'`],
  [{ tls: { caFile: 'a' } }, 'Option "tls.certFile" must be a string, got undefined'],
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
  [{ probeIntervalMs: 1 }, 'Unknown option "probeIntervalMs"'],
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
  [{ logger: 'pino' }, `Option "logger" must be a pino logger, got 'pino'`],
  [{ credentials: { username: 'root' } }, 'Option "credentials.password" must be a string'],
]

describe('nonsense is refused by name and value', () => {
  test.each(complaints)('%j', (options, message) => {
    expect(() => parse(options)).toThrow(new TypeError(message))
  })

  test('by rejecting the call, and by throwing before there is a watch', async () => {
    const bad = { minAddresses: -1 } satisfies ResolveOptions
    await expect(resolveApiserverAddresses(bad)).rejects.toThrow(TypeError)
    expect(() => watchApiserverAddresses(bad)).toThrow(TypeError)
  })

  test('but a password is never shown', () => {
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

  test('and a key in the place of its file is neither shown nor looked for', () => {
    const keyFile = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n'
    const message = 'Option "tls.keyFile" must be the path of a file, and not what is in it'
    expect(() => parse({ tls: { caFile: 'a', certFile: 'b', keyFile } })).toThrow(new TypeError(message))
    for (const tls of [
      keyFile,
      { caFile: 'a', certFile: 'b', keyFile: [keyFile] },
      Buffer.from(keyFile),
      { keyFile },
    ]) {
      expect(() => parse({ tls })).not.toThrow(/MIGH|4d ?49/)
    }
  })

  test('and nothing but a TypeError comes of anything', () => {
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
})
