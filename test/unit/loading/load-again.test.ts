import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { ApiserverAddressError } from '../../../src/index.ts'
import type { WatchOptions } from '../../../src/index.ts'
import { loadAgain, signalOf } from '../../../src/loading/load-again.ts'
import { VirtualClock } from '../../support/clock.ts'
import { spyOnWarnings } from '../../support/warnings.ts'

const tooManyFiles = Object.assign(new Error("EMFILE: too many open files, open 'resolve.cjs'"), { code: 'EMFILE' })
const noModule = Object.assign(new Error("Cannot find module './resolve.cjs'"), { code: 'MODULE_NOT_FOUND' })

/** Starts to load again after `error`, which each load throws until `load` is given a result. */
function startLoading(options?: WatchOptions, error: Error = tooManyFiles) {
  const warnings = spyOnWarnings()
  const clock = new VirtualClock()
  const load = vi.fn<() => string>(() => {
    throw error
  })
  const loading = loadAgain({ load, error, options, signal: signalOf(options), clock })
  loading.catch(() => {})
  return { clock, load, loading, warnings }
}

test('loadAgain loads every half second until that succeeds', async () => {
  const { clock, load, loading } = startLoading()
  await clock.advance(499)
  expect(load).not.toHaveBeenCalled()
  await clock.advance(1)
  expect(load).toHaveBeenCalledOnce()
  await clock.advance(60_000)
  expect(load).toHaveBeenCalledTimes(121)
  load.mockReturnValueOnce('the code')
  await clock.advance(500)
  expect((await loading).library).toBe('the code')
})

test('loadAgain warns once, and names the file and the error', async () => {
  const { clock, warnings } = startLoading()
  await clock.advance(60_000)
  expect(warnings).toEqual([
    [
      "a part of this package cannot be loaded: EMFILE: too many open files, open 'resolve.cjs'. " +
        'The call loads it again every 0.5 s',
      { code: 'RKE2_APISERVER_RESOLVER_LOADING' },
    ],
  ])
})

test('loadAgain ends with DEADLINE_EXCEEDED when timeoutMs is over', async () => {
  const { clock, loading } = startLoading({ timeoutMs: 1700 })
  await clock.advance(1700)
  const error = await loading.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ApiserverAddressError)
  expect(error).toMatchObject({
    message: `rke2-apiserver-resolver: timed out after 1.7 s: a part of this package cannot be loaded: ${tooManyFiles.message}`,
    code: 'DEADLINE_EXCEEDED',
    reason: 'unavailable',
    attempts: 0,
    elapsedMs: 1700,
    cause: tooManyFiles,
  })
})

test.each([[undefined], [{}]])('loadAgain ends after the default of timeoutMs with the options %o', async (options) => {
  const { clock, loading } = startLoading(options)
  await clock.advance(900_000)
  await expect(loading).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', elapsedMs: 900_000 })
})

test('loadAgain ends with REJECTED when an error that does not pass by itself has lasted for a minute', async () => {
  const { clock, loading } = startLoading({}, noModule)
  await clock.advance(60_000)
  await expect(loading).rejects.toMatchObject({
    message: `rke2-apiserver-resolver: failed after 60.0 s: a part of this package cannot be loaded: ${noModule.message}`,
    code: 'REJECTED',
    reason: 'unavailable',
    cause: noModule,
  })
})

test('loadAgain rejects with the reason of the signal, and leaves no listener on it', async () => {
  const controller = new AbortController()
  const { loading, clock } = startLoading({ signal: controller.signal })
  await clock.advance(700)
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort('enough')
  await expect(loading).rejects.toBe('enough')
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  expect(clock.nextAt).toBe(Infinity)
})

class Settings {
  get minAddresses() {
    return 3
  }
  timeoutMs = 10_000
}

test.each<[string, WatchOptions | undefined, object]>([
  ['no options', undefined, { timeoutMs: 899_500 }],
  ['options without a timeout', { minAddresses: 3 }, { timeoutMs: 899_500, minAddresses: 3 }],
  ['a timeout', { timeoutMs: 10_000, settleMs: 5 }, { timeoutMs: 9500, settleMs: 5 }],
  ['no limit', { timeoutMs: Infinity }, { timeoutMs: Infinity }],
  ['an object of a class with a getter', new Settings(), { timeoutMs: 9500, minAddresses: 3 }],
])('loadAgain resolves with the options and the time that is left, for %s', async (_title, options, expected) => {
  const { clock, load, loading } = startLoading(options)
  load.mockReturnValue('the code')
  await clock.advance(500)
  expect(parseOptions((await loading).options, 'watch')).toMatchObject(expected)
})

test.each([[5], [null], ['text'], [[]], [{ timeoutMs: 0 }], [{ timeoutMs: '5s' }], [{ minAddresses: 0 }], [new Map()]])(
  'loadAgain leaves it to the code that is loaded to refuse the invalid options %o',
  async (invalid) => {
    const options = invalid as WatchOptions
    const { clock, load, loading } = startLoading(options)
    load.mockReturnValue('the code')
    await clock.advance(500)
    const late = (await loading).options
    expect(problemOf(late)).toBe(problemOf(options))
    expect(problemOf(late)).toMatch(/ must be /)
  },
)

/** Returns the message of the TypeError for these options, without their value. */
function problemOf(options: unknown): string {
  try {
    return `${parseOptions(options, 'watch').minAddresses}`
  } catch (error) {
    return (error as TypeError).message.replace(/, got .*/s, '')
  }
}

test('signalOf returns the signal of the options, and one that is not aborted for any other value', () => {
  const { signal } = new AbortController()
  expect(signalOf({ signal })).toBe(signal)
  for (const options of [undefined, null, {}, { signal: 'text' }]) expect(signalOf(options).aborted).toBe(false)
})
