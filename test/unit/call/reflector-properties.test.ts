import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseAddresses } from '../../../src/addresses/parse.ts'
import type { AddressChange } from '../../../src/index.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { idle } from '../../support/clock.ts'
import { watchFake } from '../../support/watching.ts'

type CallContext = ReturnType<typeof watchFake> & { restore?: () => void; restored?: boolean }

const shrinkDelayMs = 3000
const addresses = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '[fd00::1]:6443']

/** A reader that works now and then. */
class Reader {
  readonly seen: AddressChange[] = []
  readonly #watch: CallContext['watch']
  #asked = false

  constructor(watch: CallContext['watch']) {
    this.#watch = watch
  }

  get list(): readonly string[] {
    return this.seen.at(-1)?.addresses ?? []
  }

  /** Asks for the next change, unless it still waits for one. */
  async ask(): Promise<void> {
    if (this.#asked) return
    this.#asked = true
    void this.#watch.next().then(({ value }) => {
      this.#asked = false
      if (value !== undefined) this.seen.push(value)
    })
    await idle()
  }
}

/** What was added and removed leads from each list to the next, and each is one, and another one. */
function addsUp(seen: readonly AddressChange[]): boolean {
  let last: readonly string[] = []
  return seen.every(({ addresses: list, added, removed }) => {
    const sum = [...last.filter((address) => !removed.includes(address)), ...added].toSorted().join()
    const real = !added.some((address) => last.includes(address)) && removed.every((address) => last.includes(address))
    last = list
    return list.length > 0 && added.length + removed.length > 0 && real && sum === list.join()
  })
}

/** One thing that happens, as fast-check prints it and as it is done. */
interface Step {
  readonly name: string
  readonly run: (parts: CallContext, reader: Reader) => unknown
}
const step = (name: string, run: Step['run']): Step => ({ name, run, [fc.toStringMethod]: () => name }) as Step

const put = (value: string) => step(`put ${value}`, ({ etcd }) => etcd.put(value))
const goodList = fc
  .uniqueArray(fc.constantFrom(...addresses), { minLength: 1 })
  .map((list) => put(JSON.stringify(list)))
const badValue = fc.oneof(
  fc.constantFrom('', '[]', 'null', 'rubbish', '["a b"]', '{}').map(put),
  fc.constant(step('delete', ({ etcd }) => etcd.del())),
)
const wait = fc.nat(6000).map((ms) => step(`wait ${ms}`, ({ clock }) => clock.advance(ms)))
const ask = fc.constant(step('ask', (_, reader) => reader.ask()))
const steps = (...more: fc.Arbitrary<Step>[]) =>
  fc.array(fc.oneof({ weight: 4, arbitrary: goodList }, badValue, { weight: 3, arbitrary: wait }, ask, ...more), {
    maxLength: 40,
  })
const chance = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }).map((numbers) => {
  let n = 0
  return () => numbers[n++ % numbers.length] as number
})

async function during(parts: CallContext, run: (reader: Reader) => Promise<void>): Promise<Reader> {
  const reader = new Reader(parts.watch)
  try {
    await reader.ask()
    await run(reader)
  } finally {
    await parts.watch.close()
  }
  expect(parts.clock.sleeping).toBe(0)
  expect(parts.etcd.streams.size).toBe(0)
  expect(addsUp(reader.seen)).toBe(true)
  return reader
}

test('for any values at any pace, the reader has what was stored in the last shrinkDelayMs, less what is no list', async () => {
  await fc.assert(
    fc.asyncProperty(steps(), chance, async (sequence, random) => {
      const parts = watchFake({ shrinkDelayMs }, random)
      const { clock, etcd, events } = parts
      /** Every list that was stored, and until when it was the last one. */
      const lists: { list: readonly string[]; until: number }[] = []
      // The first value has to be a list: before it, nothing is followed.
      etcd.put(JSON.stringify(addresses.slice(0, 1)))
      lists.push({ list: addresses.slice(0, 1), until: Infinity })

      await during(parts, async (reader) => {
        for (const { run } of [...sequence, step('ask', () => reader.ask()), step('ask', () => reader.ask())]) {
          const { revision } = etcd
          await run(parts, reader)
          await idle()
          const stored = etcd.revision > revision ? parseAddresses(etcd.now.value) : undefined
          if (stored?.kind === 'list') {
            for (const last of lists.slice(-1)) last.until = clock.now()
            lists.push({ list: stored.addresses, until: Infinity })
          }
          const told = events.all.findLast((event) => event.type === 'changed' || event.type === 'resolved')
          const recent = lists.filter(({ until }) => until > clock.now() - shrinkDelayMs).flatMap(({ list }) => list)
          expect(told).toMatchObject({ addresses: [...new Set(recent)].toSorted() })
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
  step('down', ({ etcd }) => etcd.cut((etcd.fault = refused))),
  step('up', ({ etcd }) => (etcd.fault = undefined)),
  step('freeze', ({ etcd }) => (etcd.silent = true)),
  step('thaw', ({ etcd }) => (etcd.silent = false)),
  step('no watches', ({ etcd }) => etcd.cut(((etcd.watching = 'refuses'), refused))),
  step('mute watches', ({ etcd }) => etcd.cut(((etcd.watching = 'is silent'), refused))),
  step('watches', ({ etcd }) => (etcd.watching = 'opens')),
  step('compact', ({ etcd }) => etcd.compact()),
  step('write another key', ({ etcd }) => etcd.bump(3n)),
  step('save', (parts) => (parts.restore = parts.etcd.save())),
  step('restore', (parts) => {
    parts.restored ||= parts.restore !== undefined
    parts.restore?.()
  }),
)

test('for any values and faults at any pace, the reader is never misled, and ends with the last list', async () => {
  const latency = fc.constantFrom(0, 10, 700)
  const run = async (sequence: Step[], last: Step, latencyMs: number, random: () => number) => {
    const parts: CallContext = watchFake({ shrinkDelayMs, timeoutMs: Infinity }, random)
    const { clock, etcd, events } = parts
    /** Every list there ever was: revisions of one history may be those of another. */
    const stored: { revision: string; list: readonly string[] }[] = []
    etcd.latencyMs = latencyMs
    etcd.putList(addresses[0] as string)

    const reader = await during(parts, async (reading) => {
      await clock.advance(1000)
      for (const { run: happen } of [...sequence, heal, last]) {
        await happen(parts, reading)
        for (const { value, modRevision } of etcd.writes) {
          const parsed = parseAddresses(value)
          if (parsed.kind === 'list') stored.push({ revision: String(modRevision), list: parsed.addresses })
        }
      }
      await clock.advance(120_000)
      await reading.ask()
      await reading.ask()
      expect(parseAddresses(etcd.now.value)).toEqual({ kind: 'list', addresses: reading.list })
    })

    const told = events.all.filter((event) => event.type === 'changed' || event.type === 'resolved')
    for (const { revision, addresses: list } of told) {
      const then = stored.filter((entry) => entry.revision === revision)
      expect(then.some((entry) => entry.list.every((address) => list.includes(address)))).toBe(true)
    }
    // Never an older state after a newer one, but once after each restore.
    let newest = 0n
    let restores = 0
    for (const event of events.all) {
      if (event.type === 'resynced') restores++
      if (event.type !== 'changed' && event.type !== 'resolved') continue
      if (BigInt(event.revision) < newest) restores--
      expect(restores).toBeGreaterThanOrEqual(0)
      newest = BigInt(event.revision)
    }
    if (parts.restored !== true) expect(events.of('resynced')).toEqual([])
    let from = 0
    for (const { revision, addresses: list } of reader.seen) {
      const given = told.findIndex(
        (event, i) => i >= from && event.revision === revision && event.addresses.join() === list.join(),
      )
      expect(given).not.toBe(-1)
      from = given + 1
    }
  }
  await fc.assert(fc.asyncProperty(steps(fault, fault), goodList, latency, chance, run), { numRuns: 500 })
})

const heal = step('heal', ({ etcd }) => Object.assign(etcd, { fault: undefined, silent: false, watching: 'opens' }))
