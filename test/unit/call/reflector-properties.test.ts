import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AddressList } from '../../../src/addresses/list.ts'
import { parseAddresses } from '../../../src/addresses/parse.ts'
import type { AddressChange, ApiserverAddressEvent } from '../../../src/index.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { idle } from '../../support/clock.ts'
import { watchFake } from '../../support/fake-watch.ts'

/** A watch of a fake etcd, and the backup that a step has saved. */
type Fixture = ReturnType<typeof watchFake> & { restore?: () => void; restored?: boolean }

const shrinkDelayMs = 3000
const addresses = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '[fd00::1]:6443']

/** A reader that calls `next()` at some of the steps only. */
class SlowReader {
  readonly received: AddressChange[] = []
  readonly #watch: Fixture['watch']
  #isReading = false

  constructor(watch: Fixture['watch']) {
    this.#watch = watch
  }

  get list(): readonly string[] {
    return this.received.at(-1)?.addresses ?? []
  }

  /** Calls `next()`, unless a call is still pending. */
  async read(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    void this.#watch.next().then(({ value }) => {
      this.#isReading = false
      if (value !== undefined) this.received.push(value)
    })
    await idle()
  }
}

/** Returns whether `added` and `removed` lead from each list to the next, and no list is empty or a repetition. */
function isConsistent(received: readonly AddressChange[]): boolean {
  let last: readonly string[] = []
  return received.every(({ addresses: list, added, removed }) => {
    const result = [...last.filter((address) => !removed.includes(address)), ...added].toSorted().join()
    const isDifference =
      !added.some((address) => last.includes(address)) && removed.every((address) => last.includes(address))
    last = list
    return list.length > 0 && added.length + removed.length > 0 && isDifference && result === list.join()
  })
}

/** One thing that happens, with the name that fast-check prints for it. */
interface Step {
  readonly name: string
  readonly run: (fixture: Fixture, reader: SlowReader) => unknown
}
const step = (name: string, run: Step['run']): Step => ({ name, run, [fc.toStringMethod]: () => name }) as Step

const put = (value: string) => step(`put ${value}`, ({ etcd }) => etcd.put(value))
const putList = fc.uniqueArray(fc.constantFrom(...addresses), { minLength: 1 }).map((list) => put(JSON.stringify(list)))
const putNoList = fc.oneof(
  fc.constantFrom('', '[]', 'null', 'not JSON', '["a b"]', '{}').map(put),
  fc.constant(step('delete', ({ etcd }) => etcd.del())),
)
const wait = fc.nat(6000).map((ms) => step(`wait ${ms}`, ({ clock }) => clock.advance(ms)))
const readOnce = step('read', (_, reader) => reader.read())
const steps = (...more: fc.Arbitrary<Step>[]) =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: putList },
      putNoList,
      { weight: 3, arbitrary: wait },
      fc.constant(readOnce),
      ...more,
    ),
    { maxLength: 40 },
  )
const random = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }).map((numbers) => {
  let i = 0
  return () => numbers[i++ % numbers.length] as number
})

/** Runs steps with a reader, closes the watch, and checks what has to be true after any steps. */
async function withReader(fixture: Fixture, run: (reader: SlowReader) => Promise<void>): Promise<SlowReader> {
  const reader = new SlowReader(fixture.watch)
  try {
    await reader.read()
    await run(reader)
  } finally {
    await fixture.watch.close()
  }
  expect(fixture.clock.sleeping).toBe(0)
  expect(fixture.etcd.streams.size).toBe(0)
  expect(isConsistent(reader.received)).toBe(true)
  return reader
}

test('a watch publishes the addresses stored in the last shrinkDelayMs, for any values at any pace', async () => {
  await fc.assert(
    fc.asyncProperty(steps(), random, async (sequence, randomNumber) => {
      const fixture = watchFake({ shrinkDelayMs }, randomNumber)
      const { clock, etcd, events } = fixture
      /** Every list that was stored, and the time at which the next one replaced it. */
      const lists: { list: readonly string[]; until: number }[] = []
      // The first value has to be a list: the watch follows the key only after its first list.
      etcd.put(JSON.stringify(addresses.slice(0, 1)))
      lists.push({ list: addresses.slice(0, 1), until: Infinity })

      await withReader(fixture, async (reader) => {
        for (const { run } of [...sequence, readOnce, readOnce]) {
          const { revision } = etcd
          await run(fixture, reader)
          await idle()
          const stored = etcd.revision > revision ? parseAddresses(etcd.now.value) : undefined
          if (stored?.kind === 'list') {
            lists.at(-1)!.until = clock.now()
            lists.push({ list: stored.addresses, until: Infinity })
          }
          const published = events.all.findLast((event) => event.type === 'changed' || event.type === 'resolved')
          const recent = lists.filter(({ until }) => until > clock.now() - shrinkDelayMs).flatMap(({ list }) => list)
          expect(published).toMatchObject({ addresses: [...new Set(recent)].toSorted() })
        }
        expect(events.all.findLast((event) => 'addresses' in event)).toMatchObject({ addresses: reader.list })
      })
      expect(events.of('resynced')).toEqual([])
      expect(events.of('disconnected')).toEqual([])
    }),
    { numRuns: 300 },
  )
})

const refused = new Failure('unreachable', 'refused')
const fault = fc.constantFrom(
  step('cut', ({ etcd }) => etcd.cut()),
  step('stop', ({ etcd }) => {
    etcd.fault = refused
    etcd.cut(refused)
  }),
  step('start', ({ etcd }) => (etcd.fault = undefined)),
  step('freeze', ({ etcd }) => (etcd.silent = true)),
  step('unfreeze', ({ etcd }) => (etcd.silent = false)),
  step('refuse watches', ({ etcd }) => {
    etcd.watching = 'refuses'
    etcd.cut(refused)
  }),
  step('do not answer watches', ({ etcd }) => {
    etcd.watching = 'is silent'
    etcd.cut(refused)
  }),
  step('open watches', ({ etcd }) => (etcd.watching = 'opens')),
  step('compact', ({ etcd }) => etcd.compact()),
  step('write another key', ({ etcd }) => etcd.bump(3n)),
  step('save', (fixture) => (fixture.restore = fixture.etcd.save())),
  step('restore', (fixture) => {
    fixture.restored ||= fixture.restore !== undefined
    fixture.restore?.()
  }),
)
const endFaults = step('end all faults', ({ etcd }) =>
  Object.assign(etcd, { fault: undefined, silent: false, watching: 'opens' }),
)

/** Expects that the revision goes down at most once after each restored backup. */
function expectToGoBackOnlyAfterRestores(events: readonly ApiserverAddressEvent[]): void {
  let newest = 0n
  let restores = 0
  for (const event of events) {
    if (event.type === 'resynced') restores++
    if (event.type !== 'changed' && event.type !== 'resolved') continue
    if (BigInt(event.revision) < newest) restores--
    expect(restores).toBeGreaterThanOrEqual(0)
    newest = BigInt(event.revision)
  }
}

/** Expects that the reader has received published lists only, in their order. It may have missed some. */
function expectToBePublishedInOrder(received: readonly AddressChange[], published: readonly AddressList[]): void {
  let from = 0
  for (const { revision, addresses: list } of received) {
    const index = published.findIndex(
      (other, i) => i >= from && other.revision === revision && other.addresses.join() === list.join(),
    )
    expect(index).not.toBe(-1)
    from = index + 1
  }
}

test('a watch never goes back, leaves out no stored address, and ends with the last list, for any values and faults', async () => {
  const latency = fc.constantFrom(0, 10, 700)
  const run = async (sequence: Step[], last: Step, latencyMs: number, randomNumber: () => number) => {
    const fixture: Fixture = watchFake({ shrinkDelayMs, timeoutMs: Infinity }, randomNumber)
    const { clock, etcd, events } = fixture
    /** Every list that was ever stored. After a restored backup, two lists may have the same revision. */
    const stored: { revision: string; list: readonly string[] }[] = []
    etcd.latencyMs = latencyMs
    etcd.putList(addresses[0] as string)

    const reader = await withReader(fixture, async (slowReader) => {
      await clock.advance(1000)
      for (const { run: runStep } of [...sequence, endFaults, last]) {
        await runStep(fixture, slowReader)
        for (const { value, modRevision } of etcd.writes) {
          const parsed = parseAddresses(value)
          if (parsed.kind === 'list') stored.push({ revision: String(modRevision), list: parsed.addresses })
        }
      }
      await clock.advance(120_000)
      await slowReader.read()
      await slowReader.read()
      expect(parseAddresses(etcd.now.value)).toEqual({ kind: 'list', addresses: slowReader.list })
    })

    const published = events.all.filter((event) => event.type === 'changed' || event.type === 'resolved')
    for (const { revision, addresses: list } of published) {
      const candidates = stored.filter((entry) => entry.revision === revision)
      expect(candidates.some((entry) => entry.list.every((address) => list.includes(address)))).toBe(true)
    }
    expectToGoBackOnlyAfterRestores(events.all)
    if (fixture.restored !== true) expect(events.of('resynced')).toEqual([])
    expectToBePublishedInOrder(reader.received, published)
  }
  await fc.assert(fc.asyncProperty(steps(fault, fault), putList, latency, random, run), { numRuns: 500 })
})
