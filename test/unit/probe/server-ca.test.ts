import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { readServerCa } from '../../../src/probe/server-ca.ts'
import { serverCaFiles } from '../../../src/rke2.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { startApiserver, writeServerCa } from '../../support/apiserver.ts'
import { createAuthority } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { checkLeaks } from '../../support/leaks.ts'
import { Recorder } from '../../support/recorder.ts'
import { SourceTraits } from '../../support/source-traits.ts'

test('readServerCa returns a TLS context when the server CA can be used', async () => {
  const dataDir = temporaryFolder()
  await writeServerCa(dataDir, await createAuthority('rke2-server-ca'))
  expect(await readServerCa(serverCaFiles(dataDir), new AbortController().signal)).toEqual({
    context: expect.anything(),
  })
})

test('readServerCa rejects with signal.reason when aborted', async () => {
  await expect(readServerCa(serverCaFiles('/nowhere'), AbortSignal.abort('enough'))).rejects.toBe('enough')
})

test.each([
  ['does not exist', undefined, /ENOENT/],
  ['is not a certificate', 'not a certificate', /cannot be used/],
])('a tls probe accepts any certificate and says why when the server CA %s', async (_, content, why) => {
  const authority = await createAuthority('other-ca')
  const dataDir = content === undefined ? '/nowhere' : temporaryFolder()
  if (content !== undefined) {
    await writeServerCa(dataDir, authority)
    writeFileSync(join(dataDir, 'server', 'tls', 'server-ca.crt'), content)
  }
  const apiserver = await startApiserver(authority)
  onTestFinished(() => apiserver.stop())
  const { all: events, emitter } = new Recorder()
  const config = parseOptions({ probe: 'tls', dataDir, probeTimeoutMs: 30_000, events: emitter }, 'resolve')
  const source = new SourceTraits(dataDir)
  const call = new Call(config, systemClock, source)
  using leaks = checkLeaks()
  const [result] = await new Prober(config, source, systemClock).probe([apiserver.address], call)
  call.end()
  await leaks.expectNone()
  expect(result).toMatchObject({ state: 'alive', latencyMs: expect.any(Number), verified: false })
  expect(events[0]).toMatchObject({ type: 'probed', unverified: expect.stringMatching(why) })
})

test('a tls probe trusts a server CA file that has only the intermediate certificate', async () => {
  const dataDir = temporaryFolder()
  const intermediate = await (await createAuthority()).createIntermediate('rke2-server-ca')
  await writeServerCa(dataDir, intermediate)
  await using apiserver = await startApiserver(intermediate)
  const config = parseOptions({ probe: 'tls', dataDir, probeTimeoutMs: 30_000 }, 'resolve')
  const source = new SourceTraits(dataDir)
  const call = new Call(config, systemClock, source)
  const probes = await new Prober(config, source, systemClock).probe([apiserver.address], call)
  call.end()
  expect(probes).toMatchObject([{ state: 'alive', verified: true }])
})
