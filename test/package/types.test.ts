import { EventEmitter } from 'node:events'
import { pino } from 'pino'
import { describe, expectTypeOf, test } from 'vitest'
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
  WatchOptions,
} from '../../src/index.ts'

// The compiler is the test ("npm run check"): what is inside `never` is checked and not run.
const never = (_code: () => unknown): void => {}

describe('what is given', () => {
  test('is a list with the effort it took, or a change of it', () => {
    expectTypeOf(resolveApiserverAddresses).returns.resolves.toEqualTypeOf<ResolvedAddresses>()
    expectTypeOf(watchApiserverAddresses).returns.toEqualTypeOf<ApiserverAddressWatch>()
    expectTypeOf<ApiserverAddressWatch['next']>().returns.resolves.toEqualTypeOf<
      IteratorResult<AddressChange, undefined>
    >()
    expectTypeOf<ResolvedAddresses>().toExtend<AddressList>()
    expectTypeOf<AddressChange>().toExtend<AddressList>()
    // An int64: a number would lose digits.
    expectTypeOf<AddressList['revision']>().toEqualTypeOf<string>()
  })

  test('cannot be changed', () => {
    expectTypeOf<AddressList['addresses']>().toEqualTypeOf<readonly string[]>()
    never(async () => {
      const list = await resolveApiserverAddresses()
      // @ts-expect-error a list is readonly
      list.addresses.push('10.0.0.11:6443')
      // @ts-expect-error and so is what holds it
      list.revision = '1'
    })
  })

  test('may have fewer addresses than one hopes', () => {
    never(async () => {
      const { addresses } = await resolveApiserverAddresses({ minAddresses: 3 })
      // @ts-expect-error an index gives undefined too
      addresses[2].toUpperCase()
      expectTypeOf(addresses[2]).toEqualTypeOf<string | undefined>()
    })
  })

  test('is iterated, disposed of and closed', () => {
    never(async () => {
      await using watch = watchApiserverAddresses()
      for await (const change of watch) expectTypeOf(change).toEqualTypeOf<AddressChange>()
      expectTypeOf(await watch.close()).toEqualTypeOf<void>()
      // @ts-expect-error it is not iterated without await
      for (const change of watch) throw change
    })
  })
})

describe('options', () => {
  test('are all optional, and may all be undefined', () => {
    expectTypeOf<{}>().toExtend<ResolveOptions>()
    expectTypeOf<{ [Name in keyof WatchOptions]: undefined }>().toExtend<WatchOptions>()
    expectTypeOf(resolveApiserverAddresses).parameter(0).toEqualTypeOf<ResolveOptions | undefined>()
  })

  test('take what a program has at hand', () => {
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

  test('of another name or type are refused', () => {
    expectTypeOf<WatchOptions>().not.toHaveProperty('retries')
    never(() => [
      // @ts-expect-error no such option
      resolveApiserverAddresses({ retries: 3 }),
      // @ts-expect-error of the watch only
      resolveApiserverAddresses({ shrinkDelayMs: 0 }),
      // @ts-expect-error milliseconds, not '3s'
      resolveApiserverAddresses({ settleMs: '3s' }),
      // @ts-expect-error a closed set
      resolveApiserverAddresses({ distribution: 'k8s' }),
      // @ts-expect-error a closed set
      resolveApiserverAddresses({ retry: { jitter: 'half' } }),
      // @ts-expect-error all three or none
      resolveApiserverAddresses({ tls: { caFile: 'ca.crt' } }),
      // @ts-expect-error the password too
      resolveApiserverAddresses({ credentials: { username: 'root' } }),
      // @ts-expect-error an emitter of other events
      resolveApiserverAddresses({ events: new EventEmitter<{ tick: [] }>() }),
      // @ts-expect-error a logger has more than a name
      resolveApiserverAddresses({ logger: { name: 'mine' } }),
      // @ts-expect-error a controller is no signal
      watchApiserverAddresses({ signal: new AbortController() }),
    ])
  })
})

describe('errors', () => {
  test('have a code and a reason out of closed sets', () => {
    const text = (error: unknown): ErrorCode | Reason | undefined => {
      if (!(error instanceof ApiserverAddressError)) return undefined
      expectTypeOf(error).toExtend<Error>()
      expectTypeOf(error.code).toEqualTypeOf<'DEADLINE_EXCEEDED' | 'ATTEMPTS_EXHAUSTED' | 'REJECTED' | 'CLOSED'>()
      expectTypeOf(error.reason).toEqualTypeOf<Reason | undefined>()
      expectTypeOf(error.cause).toEqualTypeOf<unknown>()
      // @ts-expect-error no such code
      if (error.code === 'TIMEOUT') return undefined
      return error.reason ?? error.code
    }
    expectTypeOf(text).returns.toEqualTypeOf<ErrorCode | Reason | undefined>()
  })

  test('can be made by the tests of a user, whole or not at all', () => {
    const details: ErrorDetails = {
      code: 'REJECTED',
      reason: 'not-set',
      attempts: 1,
      elapsedMs: 10,
      cause: undefined,
    }
    expectTypeOf(ApiserverAddressError).toBeConstructibleWith('no list', details)
    // @ts-expect-error a code is missing
    never(() => new ApiserverAddressError('no list', { ...details, code: undefined }))
  })
})

describe('events', () => {
  test('are told apart by their type', () => {
    const tell = (event: ApiserverAddressEvent): unknown => {
      switch (event.type) {
        case 'phase':
          expectTypeOf(event.previous).toEqualTypeOf<Reason | undefined>()
          return event.message
        case 'retry':
          expectTypeOf(event.remainingMs).toEqualTypeOf<number | null>()
          return event.error
        case 'changed':
          return event.added
        // @ts-expect-error no such event: an emitter would take an 'error' without a listener for a crash
        case 'error':
          return undefined
        default:
          // @ts-expect-error not every event has it
          return event.addresses
      }
    }
    expectTypeOf(tell).parameter(0).toEqualTypeOf<ApiserverAddressEvent>()
  })

  test('give a listener the event of its name', () => {
    const events = new EventEmitter<ApiserverAddressEvents>()
    events.on('wake', ({ cause }) => expectTypeOf(cause).toEqualTypeOf<'key-changed' | 'connected'>())
    // @ts-expect-error no such event
    events.on('retries', () => {})
    // @ts-expect-error an attempt has no reason yet
    events.on('attempt', ({ reason }) => reason)
  })
})
