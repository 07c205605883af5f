import { EventEmitter } from 'node:events'
import * as fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Terminal } from '../../../src/command/terminal.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../../src/events.ts'
import { fuzzSeed } from '../../support/fuzz.ts'
import { attempt, connected, phase, resolved, retry } from '../../support/sample-events.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A terminal that understands what `Terminal` writes: return, erase to the end of the line, line feed. */
function screen(columns?: number) {
  const events = new EventEmitter<ApiserverAddressEvents>()
  const rows = ['']
  let written = ''
  const write = (text: string) => {
    written += text
    for (const [part] of text.matchAll(/\r\x1b\[K|\n|[^\r\n\x1b]+|[^]/g)) {
      if (part === '\n') rows.push('')
      else if (part === '\r\x1b[K') rows[rows.length - 1] = ''
      else rows[rows.length - 1] += part
    }
  }
  const terminal = new Terminal(events, { write, columns }, () => Date.now())
  const emit = (event: ApiserverAddressEvent) => void (events as EventEmitter).emit(event.type, event)
  return { events, terminal, emit, rows, written: () => written }
}

test('Terminal draws the live line again as time passes, below the lines that stay', () => {
  const { emit, rows } = screen()
  emit(attempt(1))
  expect(rows).toEqual(['    0.0s  reading the list, attempt 1 in progress'])
  emit(phase())
  emit(retry({ delayMs: 1500, remainingMs: 60_000 }))
  vi.advanceTimersByTime(1000)
  expect(rows).toEqual([
    '    0.0s  waiting for etcd: https://127.0.0.1:2379: etcd cannot be reached',
    '    1.0s  still waiting for etcd, attempt 1, next read in 0.5s, 59.0s left',
  ])
})

test('Terminal leaves out the parts of the live line that do not fit its columns', () => {
  const { emit, rows } = screen(60)
  emit(attempt(1))
  emit(phase({ reason: 'incomplete' }))
  emit(retry({ delayMs: 1500, remainingMs: 60_000 }))
  expect(rows.at(-1)).toBe('    0.0s  still waiting for the full set of apiservers')
})

test('Terminal keeps each line with the time at which it was printed', () => {
  const { emit, rows } = screen()
  emit(attempt(1))
  emit(phase({ hint: 'is this an agent node?' }))
  vi.advanceTimersByTime(2000)
  emit(phase({ reason: 'not-set', message: 'the key does not exist yet' }))
  expect(rows.slice(0, -1)).toEqual([
    '    0.0s  waiting for etcd: https://127.0.0.1:2379: etcd cannot be reached',
    '    0.0s  is this an agent node?',
    '    2.0s  waiting for the key: the key does not exist yet',
  ])
})

test('Terminal prints other lines above the live line', () => {
  const { emit, rows, terminal } = screen()
  emit(attempt(1))
  terminal.print('the client key is open to others')
  expect(rows).toEqual([
    '    0.0s  the client key is open to others',
    '    0.0s  reading the list, attempt 1 in progress',
  ])
})

test('Terminal erases the live line on clear, until the next tick', () => {
  const { emit, rows, terminal } = screen()
  emit(attempt(1))
  terminal.clear()
  expect(rows).toEqual([''])
  vi.advanceTimersByTime(1000)
  expect(rows[0]).toContain('reading the list')
})

test.for<[string, ApiserverAddressEvent, string]>([
  ['list', resolved(), 'found 2 apiservers in 2 attempts'],
  ['error', { type: 'failed', error: new Error('rke2/apiaddresses: timed out') }, 'rke2/apiaddresses: timed out'],
  ['abort', { type: 'aborted', reason: 'SIGINT' }, 'aborted: SIGINT, while waiting for etcd'],
])('Terminal shows one line at the end with an %s, and writes nothing after it was closed', ([_name, end, text]) => {
  const { emit, rows, terminal, events, written } = screen()
  emit(attempt(1))
  emit(phase())
  emit(attempt(2))
  vi.advanceTimersByTime(3000)
  emit(end)
  terminal.close()
  expect(rows.slice(1)).toEqual([`    3.0s  ${text}`, ''])
  const before = written()
  vi.advanceTimersByTime(3000)
  expect(written()).toBe(before)
  expect(events.eventNames()).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

test('Terminal erases on close a live line that no event has ended', () => {
  const { emit, rows, terminal } = screen()
  emit(attempt(1))
  terminal.close()
  expect(rows).toEqual([''])
})

test('Terminal shows a live line in a watch only while it does not follow the key', () => {
  const { emit, rows } = screen()
  emit(attempt(1))
  emit(resolved())
  emit(connected)
  emit(attempt(2))
  expect(rows.at(-1)).toBe('')
  emit({ type: 'disconnected', error: new Error('etcd cannot be reached') })
  expect(rows.at(-1)).toBe('')
  emit(phase())
  emit(retry({ delayMs: 2000 }))
  vi.advanceTimersByTime(1000)
  expect(rows.at(-1)).toBe('    1.0s  still waiting for etcd, attempt 1, next read in 1.0s')
  emit(connected)
  expect(rows.at(-1)).toBe('')
})

test('Terminal shows a live line for a watch that cannot be opened after its first list', () => {
  const { emit, rows, terminal } = screen()
  emit(resolved())
  emit(phase())
  emit(retry({ delayMs: 2000 }))
  expect(rows.at(-1)).toBe('    0.0s  still waiting for etcd, attempt 1, next read in 2.0s')
  emit(connected)
  vi.advanceTimersByTime(1000)
  terminal.close()
  expect(rows.at(-2)).toBe('    0.0s  the watch follows the list')
  expect(rows.at(-1)).toBe('')
})

test('Terminal writes no control character but its own, for any text', () => {
  const unit = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(...'\x1b[2J\r\n\x9b\u2028\u202e'.split('')),
  )
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      const { emit, written, rows, terminal } = screen()
      emit(attempt(1))
      emit(phase({ message: text, hint: text, missing: [text] }))
      emit({ type: 'held', missing: [text], untilMs: 1 })
      emit({ type: 'disconnected', error: new Error(text) })
      emit({ type: 'failed', error: new Error(text) })
      terminal.close()
      expect(written().replace(/\r\x1b\[K|\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(rows).toHaveLength(5)
    }),
    { seed: fuzzSeed },
  )
})

test('Terminal keeps the live line below the number of its columns', () => {
  const nat = fc.nat(10_000_000)
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 200 }), nat, nat, (columns, delayMs, remainingMs) => {
      const { emit, rows, terminal } = screen(columns)
      emit(attempt(1_000_000))
      emit(phase())
      emit(retry({ delayMs, remainingMs }))
      expect(rows.at(-1)?.length).toBeLessThan(columns)
      terminal.close()
    }),
    { seed: fuzzSeed },
  )
})
