import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ResolveOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember } from '../support/etcd.ts'
import { longestPauseMs, record, stopwatch } from '../support/faults.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']
const json = JSON.stringify(one)

expectNoLeaks()

describe('one member', () => {
  let etcd: EtcdCluster
  let member: EtcdMember
  beforeAll(async () => {
    etcd = await startEtcd()
    member = etcd.members[0]!
  })
  afterAll(() => etcd[Symbol.asyncDispose]())

  let keys = 0
  /** A call for a key of the test's own. */
  function call(options: ResolveOptions = {}) {
    const key = `test/${++keys}`
    return { key, call: new ObservedCall({ endpoints: etcd.endpoints, tls: etcd.tls, key, ...options }) }
  }

  test('that is not there yet is unreachable, and gives the list once it is', async () => {
    await etcd.put('here/before', json)
    await member.kill()
    const sinceFault = stopwatch()
    const { call: waiting } = call({ key: 'here/before' })
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

  test('that is killed and started again on its port, while the key is awaited, is found again', async () => {
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

  test('that is restarted in good order is found again as well', async () => {
    const { key, call: waiting } = call()
    await waiting.until('not-set')
    await member.restart()
    await etcd.put(key, json)
    expect(await waiting.result).toMatchObject({ addresses: one })
    expect(waiting.reasons.slice(0, 2)).toEqual(['not-set', 'unreachable'])
  })

  test('that is frozen for two whole attempts answers the call with its first breath', async () => {
    await member.pause()
    const sinceFault = stopwatch()
    const { key, call: waiting } = call({
      attemptTimeoutMs: 3500,
      retry: { initialDelayMs: 3000, maxDelayMs: 3000, jitter: 'none' },
    })
    const wakes: string[] = []
    waiting.events.on('wake', ({ cause }) => wakes.push(cause))
    const phase = await waiting.until('timeout')
    const reportedMs = sinceFault()
    expect(phase.message).toMatch(/: TCP connected, but nothing answers/)
    while (waiting.failures.length < 2) await waiting.untilRetry()
    await member.unpause()
    const recovered = stopwatch()
    await waiting.until('not-set')
    const recoverMs = recovered()
    expect(wakes).toEqual(['connected'])
    record({ fault: 'frozen before the call for 10 s, attempts of 3.5 s', reason: 'timeout', reportedMs, recoverMs })
    await etcd.put(key, json)
    expect(await waiting.result).toMatchObject({ addresses: one })
    expect(waiting.reasons).toEqual(['timeout', 'not-set'])
  })

  test('that freezes between two reads has the reason timeout, and is read again', async () => {
    // Who counts attempts has them made, watch or not.
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

  test('that freezes under a watch and goes on is not even noticed', async () => {
    const { key, call: waiting } = call()
    await waiting.until('not-set')
    await member.pause()
    await member.unpause()
    await etcd.put(key, json)
    expect(await waiting.result).toMatchObject({ addresses: one, attempts: 1 })
    expect(waiting.reasons).toEqual(['not-set'])
  })
})

describe('one member without TLS, and with large requests allowed', () => {
  let etcd: EtcdCluster
  beforeAll(async () => {
    etcd = await startEtcd({ tls: 'none', config: { 'max-request-bytes': 8 << 20, 'quota-backend-bytes': 32 << 20 } })
  })
  afterAll(() => etcd[Symbol.asyncDispose]())

  test.each([
    ['over 1 MiB, which etcd takes by default', (1 << 20) + 1, /the value has 1048577 bytes, more than 1048576/],
    ['over 4 MiB, more than a gRPC message', 5 << 20, /the value is too large to be a list/],
  ])('a value %s is invalid for good', async (title, bytes, message) => {
    await etcd.put('large', Buffer.alloc(bytes, ' '))
    const sinceFault = stopwatch()
    const call = new ObservedCall({ endpoints: etcd.endpoints, key: 'large' })
    expect(await call.error()).toMatchObject({
      code: 'REJECTED',
      reason: 'invalid-value',
      attempts: 1,
      message: expect.stringMatching(message),
    })
    record({ fault: `value ${title}`, reason: 'invalid-value', reportedMs: sinceFault() })
  })

  test('a full store (NOSPACE) still gives the list', async () => {
    await etcd.put('list', json)
    const fill = async (): Promise<never> => {
      for (;;) await etcd.put('fill', Buffer.alloc(4 << 20))
    }
    await expect(fill()).rejects.toThrow(/database space exceeded/)
    const call = new ObservedCall({ endpoints: etcd.endpoints, key: 'list' })
    expect(await call.result).toMatchObject({ addresses: one, attempts: 1 })
    record({ fault: 'NOSPACE alarm', reason: undefined })
  })
})
