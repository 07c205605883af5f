import { expect, test } from 'vitest'
import { createJsonLogger, createTerminalLogger } from '../../../src/command/logger.ts'
import { createOutput } from '../../support/run-command.ts'

test('createJsonLogger logs from info on by default, with level and time for people, without process and host', async () => {
  const stream = createOutput()
  const logger = await createJsonLogger(stream)
  logger.debug('reading the list')
  logger.child({ key: 'k' }).info({ revision: '7' }, 'found')
  expect(JSON.parse(stream.text())).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*T.*Z$/),
    key: 'k',
    revision: '7',
    msg: 'found',
  })
})

test('createTerminalLogger prints only warnings about a file, also through a child', () => {
  const printed: string[] = []
  const logger = createTerminalLogger({ print: (text) => void printed.push(text) })
  logger.child({}).warn({ file: 'client.key' }, 'the client key client.key has mode 0644')
  logger.warn({ revision: '7' }, "etcd's history was replaced")
  logger.error({ file: 'client.key' }, 'failed')
  logger.info('waiting for etcd')
  logger.debug('reading the list')
  expect(printed).toEqual(['the client key client.key has mode 0644'])
})
