import { expect, test, vi } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { orAborted } from '../../../src/util/abort.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { Recorder } from '../../support/recorder.ts'
import { SourceTraits } from '../../support/source-traits.ts'

/** The file system of the data directory does not answer. */
const snapshot = vi.hoisted((): string[] => [])
vi.mock('../../../src/util/files.ts', () => ({
  readSmallFile: (file: string, signal: AbortSignal) =>
    new Promise((_resolve, reject) => {
      snapshot.push(file)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    }),
}))

test('Prober goes on without the server CA when its file system does not answer for probeTimeoutMs', async () => {
  const clock = new VirtualClock()
  const events = new Recorder()
  const config = parseOptions({ probe: 'tls', dataDir: '/data', events: events.emitter }, 'resolve')
  const source = new SourceTraits('/data')
  const call = new Call(config, clock, source)
  const probes = new Prober(config, source, clock, async () => {}).probe(['a:1'], call)
  // The code that reads the file is loaded in time that is not the clock's.
  await vi.waitFor(() => expect(snapshot).toEqual(['/data/server/tls/server-ca.crt']))
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
  const prober = new Prober(config, source, clock, (_target, signal) => orAborted(new Promise(() => {}), signal))
  const count = snapshot.length
  const probes = prober.probe(['a:1'], call)
  await vi.waitFor(() => expect(snapshot).toHaveLength(count + 1))
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
