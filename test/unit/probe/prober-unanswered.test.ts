import fs from 'node:fs'
import { afterAll, expect, test, vi } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import type { Probe } from '../../../src/probe/probe.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { readServerCa } from '../../../src/probe/server-ca.ts'
import type { ReadServerCa } from '../../../src/probe/server-ca.ts'
import { orAborted } from '../../../src/util/abort.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { Recorder } from '../../support/recorder.ts'
import { SourceTraits } from '../../support/source-traits.ts'
import { createUnansweredFile, openUnanswered } from '../../support/unanswered-file.ts'

const { open } = fs.promises
const openAndWait = vi.spyOn(fs.promises, 'open').mockImplementation(openUnanswered(open) as typeof open)
afterAll(() => openAndWait.mockRestore())

/** Returns a reader whose first file is on a file system that does not answer, and what it was requested to read. */
function unanswered() {
  const { file } = createUnansweredFile(temporaryFolder())
  const requested: string[] = []
  const read: ReadServerCa = ([first = '', ...others], signal) => {
    requested.push(first)
    return readServerCa([file, ...others], signal)
  }
  /** Resolves when the file is being read. */
  const reading = () => vi.waitFor(() => expect(openAndWait.mock.calls.map(([path]) => path)).toContain(file))
  return { requested, read, reading }
}

test('Prober goes on without the server CA when its file system does not answer for probeTimeoutMs', async () => {
  const clock = new VirtualClock()
  const events = new Recorder()
  const config = parseOptions({ probe: 'tls', dataDir: '/data', events: events.emitter }, 'resolve')
  const source = new SourceTraits('/data')
  const call = new Call(config, clock, source)
  const { requested, read, reading } = unanswered()
  const probes = new Prober(config, source, clock, async () => {}, read).probe(['a:1'], call)
  expect(requested).toEqual(['/data/server/tls/server-ca.crt'])
  // The file is opened in time that is not the clock's.
  await reading()
  await clock.advance(2000)
  expect(await probes).toMatchObject([{ address: 'a:1', state: 'alive', verified: false }])
  expect(events.of('probed')).toMatchObject([
    {
      unverified:
        '/data/server/tls/server-ca.crt or /data/agent/server-ca.crt cannot be used: its file system does not answer',
    },
  ])
  call.end()
  await idle()
  expect(clock.sleeping).toBe(0)
})

test('Prober.pending names the file while the server CA is being read, because no address is being probed yet', async () => {
  const clock = new VirtualClock()
  const config = parseOptions({ probe: 'tls', dataDir: '/data' }, 'resolve')
  const source = new SourceTraits('/data')
  const call = new Call(config, clock, source)
  const probe: Probe = (_target, signal) => orAborted(new Promise(() => {}), signal)
  const { requested, read, reading } = unanswered()
  const prober = new Prober(config, source, clock, probe, read)
  const probes = prober.probe(['a:1'], call)
  expect(requested).toHaveLength(1)
  await reading()
  expect(prober.pending(undefined)).toMatchObject({
    reason: 'incomplete',
    message:
      'the list is complete, and /data/server/tls/server-ca.crt or /data/agent/server-ca.crt is still being read to probe its addresses',
  })
  await clock.advance(2000)
  expect(prober.pending(undefined)?.message).toBe('the list is complete, and its addresses are still being probed')
  call.stop('enough')
  await expect(probes).rejects.toBe('enough')
  expect(prober.pending(undefined)).toBeUndefined()
  call.end()
})
