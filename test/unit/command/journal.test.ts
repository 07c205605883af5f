import { expect, test } from 'vitest'
import { isJournal, priorityPrefix } from '../../../src/command/journal.ts'
import { levels } from '../../../src/command/value-types.ts'

test.each([
  ['names stderr', { JOURNAL_STREAM: '8:1234' }, true],
  ['names another file, as in a program whose stderr was redirected', { JOURNAL_STREAM: '8:99' }, false],
  ['is empty', { JOURNAL_STREAM: '' }, false],
  ['is not set', {}, false],
])('isJournal, when JOURNAL_STREAM %s, returns %s', (_title, env, expected) => {
  expect(isJournal(env, () => '8:1234')).toBe(expected)
})

test('priorityPrefix has the priorities of syslog: warnings and errors are those of journalctl -p warning', () => {
  expect(levels.map(priorityPrefix)).toEqual(['<7>', '<7>', '<6>', '<4>', '<3>', '<2>', '<7>'])
})
