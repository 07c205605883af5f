import { expect, onTestFinished, test } from 'vitest'
import { kubeProxyFiles } from '../../../../src/rke2.ts'
import { readCertificates } from '../../../../src/sources/certificates.ts'
import { Failure } from '../../../../src/sources/failure.ts'
import { connect, SharedState } from '../../../../src/sources/kubernetes/kubernetes-connection.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { countOutcomes, damage, fuzzSeed } from '../../../support/fuzz.ts'
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

/** Opens connections, which are closed at the end of the test. */
async function openConnections({ dataDir, endpoints }: { readonly dataDir: string; readonly endpoints: string }) {
  const certificates = await readCertificates(kubeProxyFiles(dataDir), never)
  return Array.from({ length: 10 }, () => {
    const connection = connect({
      endpoint: endpointOf(endpoints),
      isOfNode: false,
      certificates,
      tokenFile: undefined,
      state: new SharedState(),
      clock: systemClock,
      attemptTimeoutMs: 10_000,
      lateFailure: () => new Failure('timeout', 'late'),
    })
    onTestFinished(() => connection.close())
    return connection
  })
}

test(`Connection.read returns a snapshot or a known failure for 500 damaged lists, with seed ${fuzzSeed}`, async () => {
  const next = damage(valid.list, random, others)
  const options = await startHostileApiserver({ onList: (stream) => answer(next())(stream) })
  const counts = await countOutcomes(500, 10_000, await openConnections(options), async (connection, signal) => {
    const { revision, modRevision, version } = await connection.read(signal)
    expect(revision > 0n && modRevision >= 0n && version >= 0n).toBe(true)
  })
  expect(['success', 'rejected']).toEqual(expect.arrayContaining([...counts.keys()]))
  for (const outcome of ['success', 'rejected']) expect(counts.get(outcome)).toBeGreaterThan(20)
})

test(`Connection.watch returns changes or a known failure for 500 damaged events, with seed ${fuzzSeed}`, async () => {
  const next = damage(valid.watch, random, others)
  const options = await startHostileApiserver({ onWatch: (stream) => writes(next())(stream) })
  const counts = await countOutcomes(500, 200, await openConnections(options), async (connection, signal) => {
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
