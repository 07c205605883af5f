import { Writable } from 'node:stream'
import { fastify } from 'fastify'
import { pino } from 'pino'
import { pino as pino8 } from 'pino-8'
import { pino as pino9 } from 'pino-9'
import { expect, test } from 'vitest'
import { createLogger, format, transports } from 'winston'
import type { Logger } from '../../../src/options.ts'
import { createFakeApiservers } from '../../../src/testing.ts'

type Entry = Readonly<Record<string, unknown>>

const createLoggers: Readonly<Record<string, (stream: Writable) => Logger>> = {
  'pino 8': (stream) => pino8({ customLevels: { audit: 35 } }, stream),
  'pino 9': (stream) => pino9({ customLevels: { audit: 35 } }, stream),
  'pino 10': (stream) => pino({ customLevels: { audit: 35 } }, stream),
  'a child of pino': (stream) => pino(stream).child({ component: 'a' }),
  Fastify: (stream) => fastify({ logger: { stream } }).log,
  winston: (stream) => createLogger({ format: format.json(), transports: new transports.Stream({ stream }) }),
  'a plain object': (stream) => {
    const log = (fields: object, text: string) => void stream.write(`${JSON.stringify({ ...fields, msg: text })}\n`)
    return { debug: () => {}, info: log, warn: log, error: log }
  },
}

test.for(Object.entries(createLoggers))(
  'a call logs its text and fields, and the name of the package, to a logger of %s',
  async ([, create]) => {
    const entries: Entry[] = []
    const stream = new Writable({
      write: (line, _encoding, done) => {
        entries.push(JSON.parse(String(line)) as Entry)
        done()
      },
    })
    const fake = createFakeApiservers({ manualTime: true })
    const call = fake.resolveApiserverAddresses({ logger: create(stream) })
    await fake.advance(0)
    fake.set(['10.0.0.11:6443'])
    await call
    await fake.advance(0)
    expect(entries.map(({ msg, message }) => msg ?? message)).toEqual([
      'waiting for the key: https://127.0.0.1:2379: the key does not exist yet',
      'found 1 apiserver in 1 attempt',
    ])
    const common = { name: 'rke2-apiserver-resolver', key: 'rke2/apiaddresses' }
    expect(entries).toMatchObject([
      { ...common, reason: 'not-set' },
      { ...common, addresses: ['10.0.0.11:6443'] },
    ])
  },
)
