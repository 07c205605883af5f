import { pino } from 'pino'
import { expect, test } from 'vitest'
import { childLogger } from '../../../src/util/logger.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const

/** Returns a logger that records its calls and refuses to be called without `this`. */
function recordingLogger() {
  const calls: unknown[] = []
  const logger = {
    calls,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  function write(level: string) {
    return function (this: { calls: unknown[] }, ...args: unknown[]) {
      this.calls.push([level, ...args])
    }
  }
  return logger
}

test('childLogger uses the child of a logger that can make one', () => {
  const child = recordingLogger()
  const given: unknown[] = []
  const logger = childLogger({ ...recordingLogger(), child: (fields) => (given.push(fields), child) })
  for (const level of levels) logger[level]({ key: 'a' }, 'text')
  expect(given).toEqual([{ name: 'rke2-apiserver-resolver' }])
  expect(child.calls).toEqual(levels.map((level) => [level, { key: 'a' }, 'text']))
})

test('childLogger adds the name of the package itself when a logger has no child', () => {
  const given = recordingLogger()
  const logger = childLogger(given)
  for (const level of levels) logger[level]({ key: 'a' }, 'text')
  const fields = { name: 'rke2-apiserver-resolver', key: 'a' }
  expect(given.calls).toEqual(levels.map((level) => [level, fields, 'text']))
})

test('childLogger gives a logger of winston one object with the text as message', () => {
  const given = Object.assign(recordingLogger(), { transports: [], log: () => {} })
  childLogger(given).warn({ key: 'a' }, 'text')
  expect(given.calls).toEqual([['warn', { message: 'text', key: 'a', name: 'rke2-apiserver-resolver' }]])
})

test('childLogger adds the name of the package to each line of pino', () => {
  const lines: unknown[] = []
  const logger = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) })
  childLogger(logger).info({}, 'found')
  expect(lines).toMatchObject([{ name: 'rke2-apiserver-resolver', msg: 'found' }])
})

test('childLogger uses the logger itself if it cannot make a child, as bunyan refuses one with a name', () => {
  const given = recordingLogger()
  const child = () => {
    throw new TypeError('invalid options.name: child cannot set logger name')
  }
  childLogger(Object.assign(given, { child })).info({ key: 'a' }, 'text')
  expect(given.calls).toEqual([['info', { name: 'rke2-apiserver-resolver', key: 'a' }, 'text']])
})
