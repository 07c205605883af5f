import { expect } from 'vitest'
import { ApiserverAddressError, resolveApiserverAddresses } from '../../src/index.ts'
import type { ResolveOptions } from '../../src/index.ts'
import { forging } from './fuzz.ts'
import { memoryInUse } from './heap.ts'
import { Recorder } from './recorder.ts'

/** Returns the list or the reason that a call ends with, and checks the text of every event. */
export async function outcome(endpoints: string, options: ResolveOptions, events = new Recorder()): Promise<string> {
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

/** Checks that the text of every event is short, and prints as one line. */
export function expectTexts(events: Recorder): void {
  for (const event of events.all) {
    const text = 'message' in event ? event.message : 'error' in event ? event.error.message : ''
    expect(text).not.toMatch(forging)
    expect(text.length).toBeLessThan(1000)
  }
}

/** Fails if the operation keeps this process, which the server is a part of, busy for long, or leaves memory in use. */
export async function bounded(operation: () => Promise<void>): Promise<void> {
  const used = () => {
    const { heapUsed, external } = memoryInUse()
    return heapUsed + external
  }
  const before = used()
  const busy = measureLongestTask()
  await operation()
  expect(busy.longestMs()).toBeLessThan(3000)
  await expect.poll(() => (used() - before) / 1e6, { timeout: 10_000 }).toBeLessThan(30)
}

/** Measures the CPU time of the longest task of the event loop: elapsed time would count other processes too. */
function measureLongestTask() {
  let longestMs = 0
  let last = process.cpuUsage()
  const sample = () => {
    const { user, system } = process.cpuUsage(last)
    last = process.cpuUsage()
    longestMs = Math.max(longestMs, (user + system) / 1000)
  }
  const timer = setInterval(sample, 10)
  return {
    longestMs: () => {
      clearInterval(timer)
      sample()
      return longestMs
    },
  }
}
