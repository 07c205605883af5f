import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect } from 'vitest'
import { ApiserverAddressError, resolveApiserverAddresses } from '../../src/index.ts'
import type { WatchOptions } from '../../src/index.ts'
import { forging } from './fuzz.ts'
import { memoryInUse } from './heap.ts'
import { Recorder } from './recorder.ts'

/** The list or the reason that a call ends with; every text of it is checked. */
export async function outcome(endpoints: string, options: WatchOptions, events = new Recorder()): Promise<string> {
  const given = { endpoints, key: 'key', attemptTimeoutMs: 900, events: events.emitter, ...options }
  const result = await resolveApiserverAddresses(given).then(
    (list) => (expect(list.revision).toMatch(/^[1-9]\d*$/), list.addresses.join()),
    (error: unknown) => {
      if (!(error instanceof ApiserverAddressError)) throw error
      return error.reason ?? error.message
    },
  )
  expectTexts(events)
  return result
}

export function expectTexts(events: Recorder): void {
  for (const told of events.all) {
    const text = 'message' in told ? told.message : 'error' in told ? told.error.message : ''
    expect(text).not.toMatch(forging)
    expect(text.length).toBeLessThan(1000)
  }
}

/** Fails where the process (the server is in it, too) was kept busy for long, or keeps memory. */
export async function bounded(what: () => Promise<void>): Promise<void> {
  const used = () => {
    const { heapUsed, external } = memoryInUse()
    return heapUsed + external
  }
  const before = used()
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  await what()
  delay.disable()
  expect(delay.max / 1e6).toBeLessThan(3000)
  await expect.poll(() => (used() - before) / 1e6, { timeout: 10_000 }).toBeLessThan(30)
}

/** The same for every row of a table, a few at a time; and what came of it, by name. */
export async function all<Row, Came>(
  table: Record<string, Row>,
  come: (row: Row) => Promise<Came>,
): Promise<Record<string, Came>> {
  const came: Record<string, Came> = {}
  const left = Object.entries(table).values()
  const worker = async () => {
    for (const [name, row] of left) came[name] = await come(row)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return came
}
