import { expect, test } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import type { Probe } from '../../../src/probe/probe.ts'
import { Prober } from '../../../src/probe/prober.ts'
import type { ReadServerCa } from '../../../src/probe/server-ca.ts'
import { orAborted } from '../../../src/util/abort.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { Recorder } from '../../support/recorder.ts'
import { SourceTraits } from '../../support/source-traits.ts'

/** Reads the server CA on a file system that does not answer. */
const readUnanswered: ReadServerCa = (_files, signal) => orAborted(new Promise(() => {}), signal)

test('Prober goes on without the server CA when its file system does not answer for probeTimeoutMs', async () => {
  const clock = new VirtualClock()
  const events = new Recorder()
  const config = parseOptions({ probe: 'tls', dataDir: '/data', events: events.emitter }, 'resolve')
  const source = new SourceTraits('/data')
  const call = new Call(config, clock, source)
  const probes = new Prober(config, source, clock, async () => {}, readUnanswered).probe(['a:1'], call)
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
  const prober = new Prober(config, source, clock, probe, readUnanswered)
  const probes = prober.probe(['a:1'], call)
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
