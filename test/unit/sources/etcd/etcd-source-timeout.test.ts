import { expect, test } from 'vitest'
import type { Reason } from '../../../../src/errors.ts'
import type { Stage } from '../../../../src/sources/connection.ts'
import { idle } from '../../../support/clock.ts'
import { startSource } from '../../../support/etcd-source.ts'

test.each<[stage: Stage, reason: Reason, message: RegExp, isKept: boolean]>([
  ['connecting', 'unreachable', /a:2379: no connection yet; packets may be dropped on the way/, true],
  ['handshake', 'timeout', /a:2379: TCP connected, but nothing answers/, true],
  ['ready', 'timeout', /a:2379: etcd took the request and does not answer/, false],
])(
  'EtcdSource.read and pending report a timeout at the stage %s as %s, and a ready connection is closed',
  async (stage, reason, message, isKept) => {
    const { clock, source, read, latest } = startSource('a')
    const result = read()
    await idle()
    latest('a').stage = stage
    expect(source.pending()).toMatchObject({ reason, message: expect.stringMatching(message) })
    await clock.advance(5000)
    await expect(result).rejects.toMatchObject({ reason, message: expect.stringMatching(message) })
    expect(latest('a').closed).toBe(!isKept)
  },
)

test.each<[reason: Reason, failed: string, waiting: string]>([
  ['unreachable', 'a', 'b'],
  ['no-leader', 'a', 'b'],
  ['no-leader', 'b', 'a'],
])('EtcdSource.pending names, after the failure %s of endpoint %s, endpoint %s', async (reason, failed, waiting) => {
  const { clock, source, read, latest } = startSource('ab')
  void read()
  await clock.advance(600)
  latest(failed).fail(reason)
  await idle()
  expect(source.pending()?.message).toMatch(`${waiting}:2379: no connection yet`)
  await clock.advance(5000)
})

test('EtcdSource.read keeps a connection that is still being made, and uses it when it is established', async () => {
  const { clock, source, read, latest, connections } = startSource('ab')
  const result = read()
  await idle()
  latest('a').stage = 'handshake'
  await clock.advance(5000)
  await expect(result).rejects.toMatchObject({ reason: 'timeout' })
  let isConnected = false
  const connected = source.whenConnected().then(() => (isConnected = true))
  await idle()
  expect(isConnected).toBe(false)
  latest('a').becomeReady()
  await connected
  // The next read closes the connection to b, which was never established.
  latest('a').hold()
  const next = read()
  await clock.advance(600)
  latest('a').answer()
  await next
  expect(connections.filter(({ closed }) => !closed)).toEqual([latest('a')])
})

test('EtcdSource.read rejects with timeout if no connection is made in time, and closes those made later', async () => {
  const { clock, connections, read } = startSource('ab', { connectDelayMs: 3000, attemptTimeoutMs: 1000 })
  const result = read()
  await clock.advance(10_000)
  await expect(result).rejects.toMatchObject({ name: 'Failure', reason: 'timeout' })
  expect(connections.map(({ closed }) => closed)).toEqual([true, true])
})

test('EtcdSource.read replaces a connection that was not established in the attempt before', async () => {
  const { clock, read, latest, connections } = startSource('a')
  const first = read()
  await clock.advance(5000)
  await expect(first).rejects.toMatchObject({ reason: 'unreachable' })
  const second = read()
  await idle()
  expect(connections.map(({ closed }) => closed)).toEqual([true, false])
  latest('a').answer()
  await second
})
