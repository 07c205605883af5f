import { expect, test } from 'vitest'
import { flags } from '../../../src/command/flags.ts'
import { runCommand } from '../../support/run-command.ts'

test('--help prints every flag, within 80 columns', async () => {
  const { code, stdout, stderr } = await runCommand('--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const flag of Object.keys(flags)) expect(stdout).toMatch(new RegExp(`^  --${flag}( [A-Z]+)? {2,}\\S`, 'm'))
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
})
