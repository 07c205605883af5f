import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listVariables, runProgram } from '../../../src/command/program.ts'
import type { Signals } from '../../../src/command/program.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { resolvedList } from '../../support/run-command.ts'

const noSignals: Signals = { passOn() {} }
const { PATH = '' } = process.env

/** Runs a program, and returns its exit code with what was complained of. */
async function start(program: readonly string[], signals = noSignals): Promise<{ code: number; complaints: string[] }> {
  const complaints: string[] = []
  const code = await runProgram(program, { PATH }, signals, (message) => complaints.push(message))
  return { code, complaints }
}

test('listVariables has the addresses and the URLs, separated by commas', () => {
  expect(listVariables(resolvedList)).toEqual({
    APISERVER_ADDRESSES: '10.0.0.11:6443,[fd00::1]:6443',
    APISERVER_URLS: 'https://10.0.0.11:6443,https://[fd00::1]:6443',
  })
})

test.each([0, 7, 255])('runProgram returns the exit code of the program: %d', async (code) => {
  expect(await start(['sh', '-c', `exit ${code}`])).toEqual({ code, complaints: [] })
})

test.each(['SIGKILL', 'SIGTERM', 'SIGUSR1'] as const)(
  'runProgram returns 128 and the number of the signal when %s ends the program',
  async (name) => {
    expect((await start(['sh', '-c', `kill -${name.slice(3)} $$`])).code).toBe(128 + constants.signals[name])
  },
)

test('runProgram passes the arguments on as they are, without a shell', async () => {
  const check = '[ "$#" = 3 ] && [ "$1" = "a b" ] && [ "$2" = "" ] && [ "$3" = "\\$HOME; exit 9" ]'
  expect((await start(['sh', '-c', check, 'sh', 'a b', '', '$HOME; exit 9'])).code).toBe(0)
})

test('runProgram returns 127 for a program that is not found', async () => {
  expect(await start(['no-such-program'])).toEqual({
    code: 127,
    complaints: ['cannot start no-such-program: no such program'],
  })
})

test('runProgram returns 126 for a file that cannot be run', async () => {
  const file = join(temporaryFolder(), 'data')
  writeFileSync(file, 'data', { mode: 0o644 })
  expect(await start([file])).toEqual({ code: 126, complaints: [expect.stringContaining(`cannot start ${file}: `)] })
})

test('runProgram returns 126 for a path through a file, for which Node throws an error', async () => {
  const file = join(temporaryFolder(), 'data')
  writeFileSync(file, 'data')
  const { code, complaints } = await start([join(file, 'program')])
  expect([code, complaints]).toEqual([126, [expect.stringContaining('ENOTDIR')]])
})

test('runProgram listens to signals before the program is started, and passes on one that came before', async () => {
  const events: string[] = []
  const signals: Signals = {
    passOn(receive) {
      events.push('listening')
      receive('SIGUSR2')
    },
  }
  const { code } = await start(['sh', '-c', 'exec sleep 1000'], signals)
  expect(events).toEqual(['listening'])
  expect(code).toBe(128 + constants.signals.SIGUSR2)
})
