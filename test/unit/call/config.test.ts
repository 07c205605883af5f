import { EventEmitter } from 'node:events'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'

const parse = (options: unknown) => parseOptions(options, 'resolve')

test('parseOptions without options leaves to the source what depends on the node', () => {
  expect(parse({})).toEqual({
    source: 'auto',
    distribution: 'auto',
    dataDir: undefined,
    endpoints: undefined,
    tls: undefined,
    tokenFile: undefined,
    credentials: undefined,
    key: undefined,
    minAddresses: 1,
    expect: [],
    settleMs: 0,
    probe: undefined,
    probeTimeoutMs: 2000,
    probeIntervalMs: Infinity,
    retry: { initialDelayMs: 250, maxDelayMs: 1900, factor: 2, jitter: 'equal', maxAttempts: Infinity },
    timeoutMs: 900_000,
    attemptTimeoutMs: undefined,
    shrinkDelayMs: undefined,
    signal: undefined,
    events: undefined,
    onEvent: undefined,
    logger: undefined,
    caller: expect.anything(),
  })
  expect(parseOptions({}, 'watch')).toMatchObject({ shrinkDelayMs: undefined, probeIntervalMs: 10_000 })
})

test('parseOptions treats undefined as not given, for every option', () => {
  const names = Object.keys(parse({})).filter((name) => !['shrinkDelayMs', 'probeIntervalMs', 'caller'].includes(name))
  const retry = {
    initialDelayMs: undefined,
    maxDelayMs: undefined,
    factor: undefined,
    jitter: undefined,
    maxAttempts: undefined,
  }
  expect(parse({ ...Object.fromEntries(names.map((name) => [name, undefined])), retry })).toEqual(parse({}))
})

test('parseOptions takes inherited options and getters, and reads each of them once', () => {
  const reads: string[] = []
  class Settings {
    get minAddresses() {
      reads.push('minAddresses')
      return 3
    }
    get endpoints() {
      reads.push('endpoints')
      return 'http://a:1'
    }
    /** Not an option, and not enumerable. */
    get name() {
      reads.push('name')
      return 'settings'
    }
  }
  const options: unknown = Object.assign(Object.create(new Settings()), { settleMs: 5 })
  expect(parse(options)).toMatchObject({ minAddresses: 3, endpoints: [{ url: 'http://a:1' }], settleMs: 5 })
  expect(reads.toSorted()).toEqual(['endpoints', 'minAddresses'])
})

test.each([
  ['of its own', { minAdresses: undefined }],
  ['that it inherits', Object.create({ minAdresses: undefined })],
])('parseOptions refuses an unknown option %s, also if it is undefined', (_title, options: unknown) => {
  expect(() => parse(options)).toThrow(new TypeError('Unknown option "minAdresses"'))
})

test('parseOptions neither keeps nor changes the objects of the caller', () => {
  const given = Object.freeze({
    endpoints: Object.freeze(['HTTPS://A:1/']),
    expect: Object.freeze(['B']),
    retry: Object.freeze({ factor: 3 }),
    tls: Object.freeze({ caFile: 'a', certFile: 'b', keyFile: 'c' }),
  })
  const config = parse(given)
  expect(config.endpoints?.map(({ url }) => url)).toEqual(['https://a:1'])
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
  expect(parse({ endpoints: given }).endpoints?.map((endpoint) => endpoint.url)).toEqual([url])
})

test('parseOptions returns each endpoint once, in the order of the option', () => {
  const { endpoints } = parse({ endpoints: ['https://a:2379', 'https://A/', 'https://b'] })
  expect(endpoints?.map(({ url }) => url)).toEqual(['https://a:2379', 'https://b:2379'])
})

test.each([
  [{}, 'auto'],
  [{ source: 'auto' }, 'auto'],
  [{ source: 'auto', key: 'a' }, 'etcd'],
  [{ endpoints: 'https://a' }, 'etcd'],
  [{ tls: { caFile: 'a' } }, 'etcd'],
  [{ key: 'a' }, 'etcd'],
  [{ credentials: { username: 'a', password: 'b' } }, 'etcd'],
  [{ tokenFile: 'a' }, 'kubernetes'],
  [{ tokenFile: 'a', endpoints: 'https://a' }, 'kubernetes'],
  [{ source: 'kubernetes', endpoints: 'https://a', tls: { caFile: 'a' } }, 'kubernetes'],
])('parseOptions of %j has the source %s', (options, source) => {
  expect(parse(options)).toMatchObject({ source })
})

test('parseOptions gives an endpoint of Kubernetes without a port the port 6443', () => {
  const { endpoints } = parse({ source: 'kubernetes', endpoints: ['https://a', 'https://[::1]:443'] })
  expect(endpoints?.map(({ url }) => url)).toEqual(['https://a:6443', 'https://[::1]:443'])
})
