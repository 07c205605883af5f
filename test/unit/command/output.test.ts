import { expect, test } from 'vitest'
import { print } from '../../../src/command/output.ts'
import { createOutput } from '../../support/run-command.ts'

test('print resolves when the line has been written', async () => {
  const stream = createOutput()
  await print(stream, 'a')
  expect(stream.text()).toBe('a\n')
})

test('print rejects with an OutputError that has the code of the system error', async () => {
  const stream = createOutput({ failure: 'ENOSPC' }).on('error', () => {})
  await expect(print(stream, 'a')).rejects.toMatchObject({
    message: 'cannot write to stdout: ENOSPC: cannot',
    code: 'ENOSPC',
  })
})
