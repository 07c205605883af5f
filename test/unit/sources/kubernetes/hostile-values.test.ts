import { expect, test } from 'vitest'
import { ApiserverAddressError } from '../../../../src/index.ts'
import type { Reason } from '../../../../src/index.ts'
import { ObservedCall } from '../../../support/call.ts'
import { expectTexts } from '../../../support/hostile-outcome.ts'
import {
  answer,
  lineOf,
  listOf,
  sliceOf,
  startHostileApiserver,
  writes,
} from '../../../support/kubernetes/hostile-apiserver.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { ObservedWatch } from '../../../support/observed-watch.ts'

expectNoLeaks()

/** `[[[…]]]`, whose text no recursion can write. */
const deep = (): unknown => JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
/** An object that has no text. */
const textless = { toString: 1, valueOf: 1 }

const values: Record<string, () => unknown> = {
  'an object without a text': () => textless,
  'lists that are nested 100,000 times': deep,
  null: () => null,
  'a number': () => 7,
  'a text of 1 MiB': () => 'x'.repeat(1 << 20),
}

const jsonOf = (value: unknown, make: (marker: string) => object): string =>
  JSON.stringify(make('MARKER')).replaceAll('"MARKER"', () => jsonText(value))

/** JSON.stringify recurses. */
const jsonText = (value: unknown): string =>
  Array.isArray(value) ? '['.repeat(100_000) + ']'.repeat(100_000) : JSON.stringify(value)

const places: Record<string, (marker: string) => object> = {
  'the uid of a slice': (uid) => listOf([sliceOf({}, { uid })]),
  'the name of a slice': (name) => listOf([sliceOf({}, { name })]),
  'the version of a slice': (resourceVersion) => listOf([sliceOf({}, { resourceVersion })]),
  'the generation of a slice': (generation) => listOf([sliceOf({}, { generation })]),
  'the metadata of a slice': (metadata) => listOf([{ ...sliceOf(), metadata }]),
  'the endpoints of a slice': (endpoints) => listOf([sliceOf({ endpoints })]),
  'an endpoint': (endpoint) => listOf([sliceOf({ endpoints: [endpoint] })]),
  'the addresses of an endpoint': (addresses) => listOf([sliceOf({ endpoints: [{ addresses }] })]),
  'an address': (address) => listOf([sliceOf({ endpoints: [{ addresses: [address] }] })]),
  'the conditions of an endpoint': (conditions) =>
    listOf([sliceOf({ endpoints: [{ addresses: ['10.0.0.1'], conditions }] })]),
  'the ports of a slice': (ports) => listOf([sliceOf({ ports })]),
  'a port': (port) => listOf([sliceOf({ ports: [port] })]),
  'the number of a port': (port) => listOf([sliceOf({ ports: [{ name: 'https', port }] })]),
  'the slices': (items) => ({ ...listOf(), items }),
  'a slice': (slice) => ({ ...listOf(), items: [slice] }),
  'the version of the list': (resourceVersion) => listOf([], { resourceVersion }),
  'the kind of the list': (kind) => ({ ...listOf(), kind }),
  'the list': (list) => list as unknown as object,
}
const pairs = Object.keys(places).flatMap((place) => Object.keys(values).map((value) => [value, place] as const))

test.each(pairs)('resolve ends with a list or a reason when the apiserver sends %s as %s', async (value, place) => {
  const text = jsonOf(values[value]!(), places[place]!)
  const call = new ObservedCall({
    ...(await startHostileApiserver({ onList: answer(text) })),
    timeoutMs: 3000,
    retry: { maxAttempts: 1 },
  })
  const outcome = await call.result.catch((error: unknown) => error)
  if (outcome instanceof Error) {
    expect(outcome).toBeInstanceOf(ApiserverAddressError)
    expect(['rejected', 'invalid-value', 'not-set'] satisfies Reason[]).toContain(
      (outcome as ApiserverAddressError).reason,
    )
  } else {
    expect(outcome).toMatchObject({ source: 'kubernetes' })
  }
})

const eventPlaces: Record<string, (marker: string) => object> = {
  'the type of an event': (type) => ({ type, object: sliceOf({}, { resourceVersion: '11' }) }),
  'the object of an event': (object) => ({ type: 'ADDED', object }),
  'the kind of an event': (kind) => ({ type: 'ADDED', object: { ...sliceOf(), kind } }),
  'the code of an error': (code) => ({ type: 'ERROR', object: { kind: 'Status', code, message: 'x' } }),
  'the message of an error': (message) => ({ type: 'ERROR', object: { kind: 'Status', code: 500, message } }),
  'the version of a bookmark': (resourceVersion) => ({
    type: 'BOOKMARK',
    object: { kind: 'EndpointSlice', metadata: { resourceVersion } },
  }),
  'the uid of a slice': (uid) => ({ type: 'ADDED', object: sliceOf({}, { uid, resourceVersion: '11' }) }),
  'an address': (address) => ({
    type: 'MODIFIED',
    object: sliceOf({ endpoints: [{ addresses: [address] }] }, { resourceVersion: '11' }),
  }),
  'an event': (event) => event as unknown as object,
}
const eventPairs = Object.keys(eventPlaces).flatMap((place) =>
  Object.keys(values).map((value) => [value, place] as const),
)

test.each(eventPairs)('watch follows the list when the apiserver has sent %s as %s', async (value, place) => {
  const text = jsonOf(values[value]!(), eventPlaces[place]!)
  const next = sliceOf({ endpoints: [{ addresses: ['10.0.0.12'] }] }, { resourceVersion: '20' })
  const change = lineOf('MODIFIED', next)
  let isFirst = true
  const options = await startHostileApiserver({
    onWatch: (stream) => {
      writes(isFirst ? `${text}\n${change}` : change)(stream)
      isFirst = false
    },
  })
  const watch = new ObservedWatch({
    ...options,
    shrinkDelayMs: 3_600_000,
    retry: { initialDelayMs: 1, maxDelayMs: 10 },
  })
  for (let addresses: readonly string[] = []; !addresses.includes('10.0.0.12:6443');) {
    addresses = (await watch.next()).addresses
  }
  expectTexts(watch.events)
  expect(watch.events.of('failed')).toEqual([])
})
