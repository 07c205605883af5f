import { expect, test } from 'vitest'
import { kubeProxyFiles } from '../../../../src/rke2.ts'
import { readCertificates } from '../../../../src/sources/certificates.ts'
import type { Connection } from '../../../../src/sources/connection.ts'
import { Failure } from '../../../../src/sources/failure.ts'
import { connect, SharedState } from '../../../../src/sources/kubernetes/kubernetes-connection.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { forging, fuzzSeed, mutate } from '../../../support/fuzz.ts'
import {
  answer,
  lineOf,
  listOf,
  sliceOf,
  startHostileApiserver,
  writes,
} from '../../../support/kubernetes/hostile-apiserver.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { SeededRandom } from '../../../support/random.ts'

expectNoLeaks()

const random = new SeededRandom(fuzzSeed)
const never = new AbortController().signal

const valid = {
  list: Buffer.from(JSON.stringify(listOf())),
  watch: Buffer.from(
    lineOf('MODIFIED', sliceOf({}, { resourceVersion: '11' })) +
      lineOf('BOOKMARK', { kind: 'EndpointSlice', metadata: { resourceVersion: '12' }, endpoints: null }) +
      lineOf('DELETED', sliceOf({}, { resourceVersion: '13' })),
  ),
}
const others = [
  valid.list,
  valid.watch,
  Buffer.from('{"toString":1}'),
  Buffer.from('['.repeat(5000)),
  Buffer.from('null'),
  Buffer.from('"'),
  Buffer.from('99999999999999999999999'),
  Buffer.from('\ud800\u202e\u0000'),
  Buffer.alloc(9, 0xff),
]

/** Returns a function that returns the bytes with up to four faults, different ones each time. */
const damage = (bytes: Buffer) => () => {
  let damaged = bytes
  for (let left = random.upTo(5); left > 0; left--) damaged = mutate(damaged, random, others)
  return damaged
}

/** Makes calls over 10 connections, one after the other on each, and returns how often each outcome was seen. */
async function countOutcomes(
  calls: number,
  timeoutMs: number,
  options: { readonly dataDir: string; readonly endpoints: string },
  makeCall: (connection: Connection, signal: AbortSignal) => Promise<unknown>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const certificates = await readCertificates(kubeProxyFiles(options.dataDir), never)
  const makeCalls = async () => {
    const connection = connect({
      endpoint: endpointOf(options.endpoints),
      certificates,
      tokenFile: undefined,
      state: new SharedState(),
      clock: systemClock,
      attemptTimeoutMs: 10_000,
      lateFailure: () => new Failure('timeout', 'late'),
    })
    for (let left = calls / 10; left > 0; left--) {
      const controller = new AbortController()
      const timer = setTimeout(() => controller.abort('aborted'), timeoutMs)
      const outcome = await makeCall(connection, controller.signal).then(
        () => 'success',
        (error: unknown) =>
          error instanceof Failure ? (expect(error.message).not.toMatch(forging), error.reason) : String(error),
      )
      clearTimeout(timer)
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: 10 }, makeCalls))
  return counts
}

test(`Connection.read returns a snapshot or a known failure for 500 damaged lists, with seed ${fuzzSeed}`, async () => {
  const next = damage(valid.list)
  const options = await startHostileApiserver({ onList: (stream) => answer(next())(stream) })
  const counts = await countOutcomes(500, 10_000, options, async (connection, signal) => {
    const { revision, modRevision, version } = await connection.read(signal)
    expect(revision > 0n && modRevision >= 0n && version >= 0n).toBe(true)
  })
  expect(['success', 'rejected']).toEqual(expect.arrayContaining([...counts.keys()]))
  for (const outcome of ['success', 'rejected']) expect(counts.get(outcome)).toBeGreaterThan(20)
})

test(`Connection.watch returns changes or a known failure for 500 damaged events, with seed ${fuzzSeed}`, async () => {
  const next = damage(valid.watch)
  const options = await startHostileApiserver({ onWatch: (stream) => writes(next())(stream) })
  const counts = await countOutcomes(500, 200, options, async (connection, signal) => {
    await connection.read(signal)
    const watch = await connection.watch(10n, signal)
    try {
      await watch.changed(signal)
      for (const change of watch.drain()) expect(change.modRevision > 0n && change.revision >= 11n).toBe(true)
    } finally {
      watch.close()
    }
  })
  expect(['success', 'aborted', 'unavailable']).toEqual(expect.arrayContaining([...counts.keys()]))
  for (const outcome of ['success', 'unavailable']) expect(counts.get(outcome)).toBeGreaterThan(5)
})
