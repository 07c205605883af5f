import { EventEmitter } from 'node:events'
import { pino } from 'pino'
import { expectTypeOf, test } from 'vitest'
import { ApiserverAddressError, resolveApiserverAddresses, watchApiserverAddresses } from '../../src/index.ts'
import type {
  AddressChange,
  AddressList,
  ApiserverAddressEvent,
  ApiserverAddressEvents,
  ApiserverAddressWatch,
  ErrorCode,
  ErrorDetails,
  Reason,
  ResolvedAddresses,
  ResolveOptions,
  WatchApiserverAddresses,
  WatchOptions,
} from '../../src/index.ts'
import { createFakeApiservers } from '../../src/testing.ts'

/** Compiles code without running it: these tests fail in `npm run check`, which runs the compiler. */
const compile = (_code: () => unknown): void => {}

test('resolve returns ResolvedAddresses, and watch yields AddressChange', () => {
  expectTypeOf(resolveApiserverAddresses).returns.resolves.toEqualTypeOf<ResolvedAddresses>()
  expectTypeOf(watchApiserverAddresses).returns.toEqualTypeOf<ApiserverAddressWatch>()
  expectTypeOf<ApiserverAddressWatch['next']>().returns.resolves.toEqualTypeOf<
    IteratorResult<AddressChange, undefined>
  >()
  expectTypeOf<ResolvedAddresses>().toExtend<AddressList>()
  expectTypeOf<AddressChange>().toExtend<AddressList>()
  // The revision is an int64, and a number would lose digits.
  expectTypeOf<AddressList['revision']>().toEqualTypeOf<string>()
})

test('a returned list is readonly', () => {
  expectTypeOf<AddressList['addresses']>().toEqualTypeOf<readonly string[]>()
  compile(async () => {
    const list = await resolveApiserverAddresses()
    // @ts-expect-error the array is readonly
    list.addresses.push('10.0.0.11:6443')
    // @ts-expect-error the property is readonly
    list.revision = '1'
  })
})

test('an index of addresses may give undefined', () => {
  compile(async () => {
    const { addresses } = await resolveApiserverAddresses({ minAddresses: 3 })
    // @ts-expect-error the element may be undefined
    addresses[2].toUpperCase()
    expectTypeOf(addresses[2]).toEqualTypeOf<string | undefined>()
  })
})

test('a watch can be iterated, disposed of and closed', () => {
  compile(async () => {
    await using watch = watchApiserverAddresses()
    for await (const change of watch) expectTypeOf(change).toEqualTypeOf<AddressChange>()
    expectTypeOf(await watch.close()).toEqualTypeOf<void>()
    // @ts-expect-error it cannot be iterated without await
    for (const change of watch) throw change
  })
})

test('every option is optional, and may be undefined', () => {
  expectTypeOf<{}>().toExtend<ResolveOptions>()
  expectTypeOf<{ [Name in keyof WatchOptions]: undefined }>().toExtend<WatchOptions>()
  expectTypeOf(resolveApiserverAddresses).parameter(0).toEqualTypeOf<ResolveOptions | undefined>()
})

test('options accept readonly arrays, Infinity, signals, emitters and pino loggers', () => {
  const endpoints = ['https://10.0.0.11:2379', 'https://10.0.0.12:2379'] as const
  expectTypeOf({
    endpoints,
    expect: Object.freeze(['10.0.0.11']),
    timeoutMs: Infinity,
    signal: AbortSignal.abort(),
    events: new EventEmitter<ApiserverAddressEvents>(),
    logger: pino({ level: 'silent' }),
  }).toExtend<ResolveOptions>()
  expectTypeOf({ endpoints: 'http://127.0.0.1:2379', shrinkDelayMs: 0 }).toExtend<WatchOptions>()
})

test('options of another name or type do not compile', () => {
  expectTypeOf<WatchOptions>().not.toHaveProperty('retries')
  compile(() => [
    // @ts-expect-error there is no such option
    resolveApiserverAddresses({ retries: 3 }),
    // @ts-expect-error the option is for a watch only
    resolveApiserverAddresses({ shrinkDelayMs: 0 }),
    // @ts-expect-error the value is milliseconds
    resolveApiserverAddresses({ settleMs: '3s' }),
    // @ts-expect-error the value is not one of the set
    resolveApiserverAddresses({ distribution: 'k8s' }),
    // @ts-expect-error the value is not one of the set
    resolveApiserverAddresses({ retry: { jitter: 'half' } }),
    resolveApiserverAddresses({ tls: { caFile: 'ca.crt' } }),
    // @ts-expect-error the CA is needed
    resolveApiserverAddresses({ tls: { certFile: 'client.crt', keyFile: 'client.key' } }),
    // @ts-expect-error the password is missing
    resolveApiserverAddresses({ credentials: { username: 'root' } }),
    // @ts-expect-error the emitter has other events
    resolveApiserverAddresses({ events: new EventEmitter<{ tick: [] }>() }),
    // @ts-expect-error the logger has no methods
    resolveApiserverAddresses({ logger: { name: 'mine' } }),
    // @ts-expect-error an AbortController is not an AbortSignal
    watchApiserverAddresses({ signal: new AbortController() }),
  ])
})

test('an error has a code and a reason of closed sets', () => {
  const text = (error: unknown): ErrorCode | Reason | undefined => {
    if (!(error instanceof ApiserverAddressError)) return undefined
    expectTypeOf(error).toExtend<Error>()
    expectTypeOf(error.code).toEqualTypeOf<'DEADLINE_EXCEEDED' | 'ATTEMPTS_EXHAUSTED' | 'REJECTED' | 'CLOSED'>()
    expectTypeOf(error.reason).toEqualTypeOf<Reason | undefined>()
    expectTypeOf(error.cause).toEqualTypeOf<unknown>()
    // @ts-expect-error there is no such code
    if (error.code === 'TIMEOUT') return undefined
    return error.reason ?? error.code
  }
  expectTypeOf(text).returns.toEqualTypeOf<ErrorCode | Reason | undefined>()
})

test('an error can be constructed by the tests of a user, with all its details', () => {
  const details: ErrorDetails = {
    code: 'REJECTED',
    reason: 'not-set',
    attempts: 1,
    elapsedMs: 10,
    cause: undefined,
  }
  expectTypeOf(ApiserverAddressError).toBeConstructibleWith('no list', details)
  // @ts-expect-error the code is missing
  compile(() => new ApiserverAddressError('no list', { ...details, code: undefined }))
})

test('the type of an event narrows the event', () => {
  const narrow = (event: ApiserverAddressEvent): unknown => {
    switch (event.type) {
      case 'phase':
        expectTypeOf(event.previous).toEqualTypeOf<Reason | undefined>()
        return event.message
      case 'retry':
        expectTypeOf(event.remainingMs).toEqualTypeOf<number | null>()
        return event.error
      case 'changed':
        return event.added
      // @ts-expect-error there is no such event: an EventEmitter throws for an 'error' without a listener
      case 'error':
        return undefined
      default:
        // @ts-expect-error not every event has addresses
        return event.addresses
    }
  }
  expectTypeOf(narrow).parameter(0).toEqualTypeOf<ApiserverAddressEvent>()
})

test('a listener receives the event of its type', () => {
  const events = new EventEmitter<ApiserverAddressEvents>()
  events.on('wake', ({ cause }) => expectTypeOf(cause).toEqualTypeOf<'key-changed' | 'connected'>())
  // @ts-expect-error there is no such event
  events.on('retries', () => {})
  // @ts-expect-error an attempt has no reason
  events.on('attempt', ({ reason }) => reason)
})

test('options of a watch are refused where a call is made, also from a variable', () => {
  const options: WatchOptions = { minAddresses: 3 }
  compile(() => [
    watchApiserverAddresses(options),
    // @ts-expect-error the variable may have shrinkDelayMs
    resolveApiserverAddresses(options),
    // @ts-expect-error only a watch has the option
    resolveApiserverAddresses({ probeIntervalMs: 1000 }),
  ])
  expectTypeOf<ResolveOptions>().toExtend<WatchOptions>()
})

test('an async generator, the package and its fake fit the type of an injected watch', () => {
  const watches: WatchApiserverAddresses[] = [
    watchApiserverAddresses,
    createFakeApiservers().watchApiserverAddresses,
    async function* ({ signal } = {}) {
      signal?.throwIfAborted()
      yield { addresses: [], urls: [], source: 'etcd', revision: '1', added: [], removed: [] }
    },
  ]
  for (const watch of watches) {
    compile(async () => {
      for await (const { added } of watch({ probe: 'tcp' })) expectTypeOf(added).toEqualTypeOf<readonly string[]>()
    })
  }
})

test('onEvent receives any event', () => {
  const onEvent = (event: ApiserverAddressEvent) =>
    expectTypeOf(event.type).toEqualTypeOf<ApiserverAddressEvent['type']>()
  expectTypeOf({ onEvent }).toExtend<ResolveOptions>()
})
