import { EventEmitter } from 'node:events'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'

const parse = (options: unknown) => parseOptions(options, 'resolve')

test('parseOptions without options returns the defaults of an RKE2 server', () => {
  const { endpoints, ...config } = parse({})
  expect(endpoints.map(({ url }) => url)).toEqual(['https://127.0.0.1:2379', 'https://[::1]:2379'])
  expect(config).toEqual({
    dataDir: '/var/lib/rancher/rke2',
    usesDataDir: true,
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

test('parseOptions with the distribution k3s returns its key and paths', () => {
  const { key, dataDir, tls } = parse({ distribution: 'k3s' })
  expect([key, dataDir, tls.caFile]).toEqual([
    'k3s/apiaddresses',
    '/var/lib/rancher/k3s',
    '/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt',
  ])
})

test('parseOptions treats undefined as not given, for every option', () => {
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

test('parseOptions neither keeps nor changes the objects of the caller', () => {
  const given = Object.freeze({
    endpoints: Object.freeze(['HTTPS://A:1/']),
    expect: Object.freeze(['B']),
    retry: Object.freeze({ factor: 3 }),
    tls: Object.freeze({ caFile: 'a', certFile: 'b', keyFile: 'c' }),
  })
  const config = parse(given)
  expect(config.endpoints.map(({ url }) => url)).toEqual(['https://a:1'])
  expect(config.tls).not.toBe(given.tls)
})

test('parseOptions keeps signal, events and logger as they are', () => {
  const given = { signal: new AbortController().signal, events: new EventEmitter(), logger: pino({ level: 'silent' }) }
  const { signal, events, logger } = parse(given)
  expect(signal).toBe(given.signal)
  expect(events).toBe(given.events)
  expect(logger).toBe(given.logger)
})

test.each([
  ['https://127.0.0.1:2379', 'https://127.0.0.1:2379'],
  ['HTTPS://LocalHost:2379/', 'https://localhost:2379'],
  ['  http://10.0.0.1:2379\n', 'http://10.0.0.1:2379'],
  ['https://10.0.0.1', 'https://10.0.0.1:2379'],
  ['https://10.0.0.1:443', 'https://10.0.0.1:443'],
  ['http://10.0.0.1:80', 'http://10.0.0.1:80'],
  ['https://[FD00:0::1]', 'https://[fd00::1]:2379'],
  ['https://[::1]:2379', 'https://[::1]:2379'],
])('parseOptions normalises the endpoint %j to %s', (given, url) => {
  expect(parse({ endpoints: given }).endpoints.map((endpoint) => endpoint.url)).toEqual([url])
})

test('parseOptions returns each endpoint once, in the order of the option', () => {
  const { endpoints } = parse({ endpoints: ['https://a:2379', 'https://A/', 'https://b'] })
  expect(endpoints.map(({ url }) => url)).toEqual(['https://a:2379', 'https://b:2379'])
})

test.each([
  [{}, true],
  [{ endpoints: ['http://a', 'https://b'] }, true],
  [{ endpoints: 'http://a' }, false],
  [{ tls: { caFile: 'a', certFile: 'b', keyFile: 'c' } }, false],
])('parseOptions of %j says whether files under dataDir are used: %s', (options, usesDataDir) => {
  expect(parse(options)).toMatchObject({ usesDataDir })
})
