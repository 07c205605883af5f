import { EventEmitter } from 'node:events'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { showOnTerminal } from '../../../src/command/terminal.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../../src/events.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A terminal that understands what the display uses: return, erase to the end of the line, line feed. */
function terminal(columns?: number) {
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
  const display = showOnTerminal(events, { write, columns }, () => Date.now())
  const emit = (event: ApiserverAddressEvent) => void (events as EventEmitter).emit(event.type, event)
  return { events, display, emit, rows, written: () => written }
}

const attempt = (number: number): ApiserverAddressEvent => ({ type: 'attempt', attempt: number })
const phase = (extra: object = {}): ApiserverAddressEvent => ({
  type: 'phase',
  reason: 'unreachable',
  previous: undefined,
  elapsedMs: 0,
  message: 'https://127.0.0.1:2379: etcd cannot be reached',
  ...extra,
})
const retry = (delayMs: number, remainingMs: number | null, extra: object = {}): ApiserverAddressEvent => ({
  type: 'retry',
  attempt: 1,
  reason: 'unreachable',
  delayMs,
  watching: false,
  remainingMs,
  error: new Error('refused'),
  ...extra,
})
const list = { addresses: ['10.0.0.11:6443', '10.0.0.12:6443'], urls: [], revision: '7' }
const resolved: ApiserverAddressEvent = { type: 'resolved', ...list, attempts: 2, elapsedMs: 1 }

describe('while waiting', () => {
  test('the live line counts down to the next attempt and the deadline', () => {
    const { emit, rows } = terminal()
    emit(attempt(1))
    expect(rows).toEqual(['    0.0s  reading the key, attempt 1 under way'])
    emit(phase())
    emit(retry(1500, 60_000))
    vi.advanceTimersByTime(1000)
    expect(rows).toEqual([
      '    0.0s  waiting for etcd: https://127.0.0.1:2379: etcd cannot be reached',
      '    1.0s  still waiting for etcd, attempt 1, next within 0.5s, 59.0s left',
    ])
  })

  test('what does not fit the terminal is left out whole', () => {
    const { emit, rows } = terminal(60)
    emit(attempt(1))
    emit(phase({ reason: 'incomplete' }))
    emit(retry(1500, 60_000))
    expect(rows.at(-1)).toBe('    0.0s  still waiting for the full set of apiservers')
  })

  test('without a deadline none is shown', () => {
    const { emit, rows } = terminal()
    emit(attempt(1))
    emit(retry(1500, null))
    expect(rows).toEqual(['    0.0s  reading the key, attempt 1, next within 1.5s'])
  })

  test('while a watch stands, the next write is waited for and no attempt', () => {
    const { emit, rows } = terminal()
    emit(attempt(1))
    emit(retry(75_000, 60_000, { watching: true }))
    expect(rows).toEqual(['    0.0s  reading the key, attempt 1, watching the key, 1m00s left'])
  })

  test('every phase leaves its line, with its hint', () => {
    const { emit, rows } = terminal()
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

  test('a list that grows, or is blanked, leaves a line within its phase', () => {
    const { emit, rows } = terminal()
    const incomplete = (message: string) => retry(1000, null, { reason: 'incomplete', error: new Error(message) })
    emit(attempt(1))
    emit(phase({ reason: 'incomplete', message: 'the list has 1 of 3' }))
    for (const message of ['the list has 1 of 3', 'the list has 2 of 3', 'the list has 2 of 3']) {
      emit(incomplete(message))
    }
    expect(rows.slice(0, -1)).toEqual([
      '    0.0s  waiting for the full set of apiservers: the list has 1 of 3',
      '    0.0s  waiting for the full set of apiservers: the list has 2 of 3',
    ])
  })

  test('what is missing is named while it is', () => {
    const { emit, rows } = terminal(120)
    emit(phase({ reason: 'incomplete', message: 'the list lacks b and c', missing: ['b', 'c'] }))
    emit(retry(1000, null, { reason: 'incomplete', error: new Error('the list lacks c'), missing: ['c'] }))
    expect(rows.at(-1)).toBe(
      '    0.0s  still waiting for the full set of apiservers, missing c, attempt 1, next within 1.0s',
    )
    emit(retry(1000, null, { error: new Error('refused') }))
    expect(rows.at(-1)).not.toContain('missing')
  })

  test('clear takes the live line away until the next tick', () => {
    const { emit, rows, display } = terminal()
    emit(attempt(1))
    display.clear()
    expect(rows).toEqual([''])
    vi.advanceTimersByTime(1000)
    expect(rows[0]).toContain('reading the key')
  })
})

describe('at the end', () => {
  const ends: [ApiserverAddressEvent, string][] = [
    [resolved, 'found 2 apiservers in 2 attempts'],
    [{ type: 'failed', error: new Error('rke2/apiaddresses: timed out') }, 'rke2/apiaddresses: timed out'],
    [{ type: 'aborted', reason: 'SIGINT' }, 'stopped by SIGINT while waiting for etcd'],
  ]
  test.for(ends)('%o leaves one line', ([end, text]) => {
    const { emit, rows, display, events, written } = terminal()
    emit(attempt(1))
    emit(phase())
    emit(attempt(2))
    vi.advanceTimersByTime(3000)
    emit(end)
    display.close()
    expect(rows.slice(1)).toEqual([`    3.0s  ${text}`, ''])
    const before = written()
    vi.advanceTimersByTime(3000)
    expect(written()).toBe(before)
    expect(events.eventNames()).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('closing erases a live line that nothing has ended', () => {
    const { emit, rows, display } = terminal()
    emit(attempt(1))
    display.close()
    expect(rows).toEqual([''])
  })
})

test('a watch tells what happens to it, and shows a live line only while it has no etcd', () => {
  const { emit, rows } = terminal()
  emit(attempt(1))
  emit(resolved)
  emit({ type: 'connected', revision: '7' })
  emit(attempt(2))
  expect(rows.at(-1)).toBe('')
  emit({ type: 'held', missing: ['10.0.0.12:6443'], untilMs: 3000 })
  emit({ type: 'changed', ...list, added: ['10.0.0.13:6443'], removed: ['10.0.0.12:6443'] })
  emit({ type: 'ignored', reason: 'not-set', revision: '9' })
  emit({ type: 'resynced', revision: '3' })
  emit({ type: 'disconnected', error: new Error('etcd cannot be reached') })
  expect(rows.at(-1)).toBe('')
  emit(phase())
  emit(retry(2000, null))
  vi.advanceTimersByTime(1000)
  expect(rows.at(-1)).toBe('    1.0s  still waiting for etcd, attempt 1, next within 1.0s')
  emit({ type: 'connected', revision: '3' })
  expect(rows.map((row) => row.slice(10))).toEqual([
    'found 2 apiservers in 2 attempts',
    '10.0.0.12:6443 gone, dropped in 3.0s unless back by then',
    '2 apiservers: +10.0.0.13:6443 -10.0.0.12:6443',
    'the key was written without a usable list (not-set), the last list stays',
    "etcd's history was replaced, by a restored snapshot it seems: following the new one",
    'lost etcd, the last list stays',
    'waiting for etcd: https://127.0.0.1:2379: etcd cannot be reached',
    'following etcd again',
    '',
  ])
})

test('a watch that cannot be opened at first shows a live line until it can', () => {
  const { emit, rows, display } = terminal()
  emit(resolved)
  emit(phase())
  emit(retry(2000, null))
  expect(rows.at(-1)).toBe('    0.0s  still waiting for etcd, attempt 1, next within 2.0s')
  emit({ type: 'connected', revision: '7' })
  vi.advanceTimersByTime(1000)
  display.close()
  expect(rows.at(-2)).toBe('    0.0s  following etcd again')
  expect(rows.at(-1)).toBe('')
})

test('what dies and comes alive again is told once, and that nobody was checked', () => {
  const { emit, rows, display } = terminal()
  const probes = (b: 'alive' | 'dead') => ({
    probes: [
      { address: 'a:1', state: 'alive', latencyMs: 1, verified: false },
      { address: 'b:1', state: b, latencyMs: 1, cause: 'refused', verified: false },
    ] as const,
  })
  const changed: ApiserverAddressEvent = { type: 'changed', ...list, added: [], removed: [] }
  emit({ ...resolved, ...probes('alive') })
  emit({ ...changed, ...probes('dead') })
  emit({ ...changed, added: ['c:1'], ...probes('dead') })
  emit({ ...changed, ...probes('alive') })
  display.close()
  expect(rows.map((row) => row.slice(10))).toEqual([
    'found 2 apiservers in 2 attempts',
    'the certificates of the apiservers are not checked: the CA cannot be read',
    'b:1 is dead: refused',
    '2 apiservers: +c:1',
    'b:1 is alive again',
    '',
  ])
})

describe('whatever is shown', () => {
  const nasty = fc.string({
    unit: fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom(...'\x1b[2J\r\n\x9b\u2028\u202e'.split('')),
    ),
  })

  test('no control character reaches the terminal but our own', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const { emit, written, rows, display } = terminal()
        emit(attempt(1))
        emit(phase({ message: text, hint: text }))
        emit({ type: 'held', missing: [text], untilMs: 1 })
        emit({ type: 'disconnected', error: new Error(text) })
        emit({ type: 'failed', error: new Error(text) })
        display.close()
        expect(written().replace(/\r\x1b\[K|\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(rows).toHaveLength(6)
      }),
    )
  })

  test('the live line stays below the width of the terminal', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 200 }),
        fc.nat(10_000_000),
        fc.nat(10_000_000),
        (columns, delay, remaining) => {
          const { emit, rows, display } = terminal(columns)
          emit(attempt(1_000_000))
          emit(phase())
          emit(retry(delay, remaining))
          expect(rows.at(-1)?.length).toBeLessThan(columns)
          display.close()
        },
      ),
    )
  })
})
