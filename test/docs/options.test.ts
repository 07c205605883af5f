import { basename, dirname } from 'node:path'
import { expect, test } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import type { ResolvedAddresses, WatchOptions } from '../../src/index.ts'
import {
  defaultDataDir,
  defaultEndpoints,
  defaultKey,
  defaultTlsFiles,
  kubeProxyFiles,
  localApiservers,
} from '../../src/rke2.ts'
import { sourceDefaults } from '../../src/sources/defaults.ts'
import { codeSpans, read, rows, section } from '../support/documents.ts'

const page = read('docs/options.md')
const named = (text: string) => rows(text).flatMap(([name = '']) => codeSpans(name))
const options = parseOptions({}, 'watch')
/** The default of an option that depends on the source. */
const ofSource = (name: 'attemptTimeoutMs' | 'shrinkDelayMs') =>
  `${sourceDefaults.etcd[name]}\`; \`${sourceDefaults.kubernetes[name]}\` for \`kubernetes`

/** A name that is missing here or too many is an error of the compiler. */
const names = (record: Record<string, true>) => Object.keys(record).toSorted()

test('docs/options.md has every option, and no other', () => {
  const all: Record<keyof WatchOptions, true> = {
    source: true,
    distribution: true,
    dataDir: true,
    endpoints: true,
    tls: true,
    tokenFile: true,
    credentials: true,
    key: true,
    minAddresses: true,
    expect: true,
    settleMs: true,
    probe: true,
    probeTimeoutMs: true,
    retry: true,
    timeoutMs: true,
    attemptTimeoutMs: true,
    shrinkDelayMs: true,
    probeIntervalMs: true,
    signal: true,
    events: true,
    onEvent: true,
    logger: true,
  }
  const sections = ['What counts as complete', 'Where the list is read', 'Time and retries', 'Only for a watch']
  const shown = [...sections, 'Cancel and observe'].map((heading) => section(page, heading).split('\n### ')[0] ?? '')
  expect(named(shown.join('\n')).toSorted()).toEqual(names(all))
})

test('docs/options.md has every default as it is in the code', () => {
  const shown = new Map(rows(page.split('## The result')[0] ?? '').map(([name = '', value = '']) => [name, value]))
  const { minAddresses, settleMs, probeTimeoutMs, timeoutMs, probeIntervalMs } = options
  for (const [name, value] of Object.entries({
    minAddresses,
    settleMs,
    probeTimeoutMs,
    timeoutMs,
    attemptTimeoutMs: ofSource('attemptTimeoutMs'),
    shrinkDelayMs: ofSource('shrinkDelayMs'),
    probeIntervalMs,
  })) {
    expect([name, shown.get(`\`${name}\``)?.replaceAll('_', '')]).toEqual([name, `\`${value}\``])
  }
  const placeholder = '<distribution>' as 'rke2'
  expect(['dataDir', 'key', 'distribution', 'source'].map((name) => shown.get(`\`${name}\``))).toEqual([
    `\`${defaultDataDir(placeholder)}\``,
    `\`${defaultKey(placeholder)}\``,
    `\`'${options.distribution}'\``,
    `\`'${options.source}'\``,
  ])
  for (const name of ['expect', 'probe', 'credentials', 'signal', 'events', 'logger']) {
    expect([name, shown.get(`\`${name}\``)]).toEqual([name, 'none'])
  }
})

test('docs/options.md names the endpoints that are tried by default', () => {
  const urls = [...defaultEndpoints, ...Object.values(localApiservers).flat()]
  for (const url of urls) expect(page).toContain(`\`${url}\``)
})

test.for([
  ['etcd', defaultTlsFiles],
  ['Kubernetes', kubeProxyFiles],
] as const)('docs/options.md names the certificate files of the source %s', ([source, files]) => {
  const { caFile, certFile, keyFile } = files('<dataDir>')
  const [ca, cert, key] = [caFile, certFile, keyFile].map((file) => basename(file))
  const item = `- ${source}: \`${ca}\`, \`${cert}\` and \`${key}\` in \`${dirname(caFile)}\``
  expect(section(page, '`tls`').replace(/\s+/g, ' ')).toContain(item)
})

test('docs/options.md has every field of retry with its default', () => {
  const shown = rows(section(page, '`retry`')).map(([name, value]) => [name, value])
  const expected = Object.entries(options.retry).map(([name, value]) => [
    `\`${name}\``,
    `\`${typeof value === 'string' ? `'${value}'` : value}\``,
  ])
  expect(shown).toEqual(expected)
})

test('docs/options.md says how often an etcd that is down is tried', () => {
  const { maxDelayMs } = options.retry
  // With the jitter 'equal', a pause is between half of the longest and the longest.
  const timesAMinute = Math.round(60_000 / (maxDelayMs * 0.75))
  expect(page.replace(/\s+/g, ' ')).toContain(`is tried ${timesAMinute} times a minute, and found within 2 s`)
  expect(maxDelayMs).toBeLessThan(2000)
})

test('docs/options.md has every field of the result', () => {
  const fields: Record<keyof ResolvedAddresses, true> = {
    addresses: true,
    urls: true,
    source: true,
    revision: true,
    attempts: true,
    elapsedMs: true,
    probes: true,
  }
  expect(named(section(page, 'The result')).toSorted()).toEqual(names(fields))
})
