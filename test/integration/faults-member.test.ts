import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ResolveOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember } from '../support/etcd.ts'
import { longestPauseMs, record, stopwatch } from '../support/faults.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']
const json = JSON.stringify(one)

expectNoLeaks()

let etcd: EtcdCluster
let member: EtcdMember
beforeAll(async () => {
  etcd = await startEtcd()
  member = etcd.members[0]!
})
afterAll(() => etcd[Symbol.asyncDispose]())

let keys = 0
/** Starts a call for a new key. */
function call(options: ResolveOptions = {}) {
  const key = `test/${++keys}`
  return { key, call: new ObservedCall({ endpoints: etcd.endpoints, tls: etcd.tls, key, ...options }) }
}

test('resolve reports unreachable before etcd runs, and returns the list when etcd runs', async () => {
  await etcd.put('written/before', json)
  await member.kill()
  const sinceFault = stopwatch()
  const { call: waiting } = call({ key: 'written/before' })
  const phase = await waiting.until('unreachable')
  const reportedMs = sinceFault()
  expect(phase.message).toMatch(
    /^https:\/\/127\.0\.0\.1:\d+: etcd cannot be reached \(connect ECONNREFUSED 127\.0\.0\.1:\d+\)$/,
  )
  while (waiting.attempts < 4) await waiting.untilRetry()
  await member.start()
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  const recoverMs = recovered()
  record({ fault: 'not there yet', reason: 'unreachable', reportedMs, recoverMs })
  expect(waiting.reasons).toEqual(['unreachable'])
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve goes on waiting for the key when etcd is killed and started again', async () => {
  const { key, call: waiting } = call()
  await waiting.until('not-set')
  const sinceFault = stopwatch()
  await member.kill()
  await waiting.until('unreachable')
  const reportedMs = sinceFault()
  await member.start()
  const recovered = stopwatch()
  await waiting.until('not-set')
  const recoverMs = recovered()
  record({ fault: 'killed and started again', reason: 'unreachable', reportedMs, recoverMs })
  await etcd.put(key, json)
  expect(await waiting.result).toMatchObject({ addresses: one })
  expect(waiting.reasons).toEqual(['not-set', 'unreachable', 'not-set'])
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve goes on waiting for the key when etcd is shut down and started again', async () => {
  const { key, call: waiting } = call()
  await waiting.until('not-set')
  await member.restart()
  await etcd.put(key, json)
  expect(await waiting.result).toMatchObject({ addresses: one })
  expect(waiting.reasons.slice(0, 2)).toEqual(['not-set', 'unreachable'])
})

test('resolve reads at once when an etcd that was frozen for two attempts goes on', async () => {
  await member.pause()
  const sinceFault = stopwatch()
  const { key, call: waiting } = call({
    attemptTimeoutMs: 3500,
    retry: { initialDelayMs: 3000, maxDelayMs: 3000, jitter: 'none' },
  })
  const phase = await waiting.until('timeout')
  const reportedMs = sinceFault()
  expect(phase.message).toMatch(/: TCP connected, but nothing answers/)
  while (waiting.failures.length < 2) await waiting.untilRetry()
  await member.unpause()
  const recovered = stopwatch()
  await waiting.until('not-set')
  const recoverMs = recovered()
  expect(waiting.events.of('wake').map(({ cause }) => cause)).toEqual(['connected'])
  record({ fault: 'frozen before the call for 10 s, attempts of 3.5 s', reason: 'timeout', reportedMs, recoverMs })
  await etcd.put(key, json)
  expect(await waiting.result).toMatchObject({ addresses: one })
  expect(waiting.reasons).toEqual(['timeout', 'not-set'])
})

test('resolve reports timeout when etcd freezes between two reads, and reads again', async () => {
  // With maxAttempts, the call reads on the schedule of the backoff, although it has a watch.
  const { key, call: waiting } = call({ retry: { maxAttempts: 1000 }, attemptTimeoutMs: 1000 })
  await waiting.until('not-set')
  await member.pause()
  const sinceFault = stopwatch()
  const phase = await waiting.until('timeout')
  const reportedMs = sinceFault()
  expect(phase.message).toMatch(/: etcd took the request and does not answer/)
  await member.unpause()
  const recovered = stopwatch()
  await waiting.until('not-set')
  const recoverMs = recovered()
  record({ fault: 'freezes in mid-connection, attempts of 1 s', reason: 'timeout', reportedMs, recoverMs })
  await etcd.put(key, json)
  expect(await waiting.result).toMatchObject({ addresses: one })
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve returns a pushed list in its first attempt although etcd was frozen for a moment', async () => {
  const { key, call: waiting } = call()
  await waiting.until('not-set')
  await member.pause()
  await member.unpause()
  await etcd.put(key, json)
  expect(await waiting.result).toMatchObject({ addresses: one, attempts: 1 })
  expect(waiting.reasons).toEqual(['not-set'])
})
