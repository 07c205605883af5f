import { expect, test, vi } from 'vitest'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../src/index.ts'
import { startHostileEtcd } from '../support/hostile-etcd.ts'
import { Recorder } from '../support/recorder.ts'

const loaded = vi.hoisted((): string[] => [])
vi.mock('p-retry', async (original) => {
  loaded.push('p-retry')
  return original()
})

test('what tries again is not loaded for a list that is there, and is before a watch that has one can need it', async () => {
  const events = new Recorder()
  const options = { endpoints: await startHostileEtcd({}), key: 'key', events: events.emitter }
  await resolveApiserverAddresses(options)
  expect(loaded).toEqual([])
  await using watch = watchApiserverAddresses(options)
  await watch.next()
  await events.until('connected')
  expect(loaded).toEqual(['p-retry'])
})
