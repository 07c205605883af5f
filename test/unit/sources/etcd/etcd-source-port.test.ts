import { expect, test } from 'vitest'
import { idle } from '../../../support/clock.ts'
import { failureOf, snapshot, startSource } from '../../../support/etcd-source.ts'

/** Starts a source with one endpoint whose first read was unreachable, and whose second read checks the port. */
async function startUnreachable() {
  const started = startSource('a', { holdPortChecks: true })
  const first = started.read()
  await idle()
  started.latest('a').fail('unreachable')
  await expect(first).rejects.toThrow('it is unreachable')
  const second = started.read()
  await idle()
  return { ...started, second, portCheck: started.portChecks[0]! }
}

test('EtcdSource.read connects to an unreachable endpoint again when its port is open', async () => {
  const { second, portCheck, connections, latest, portChecks, read } = await startUnreachable()
  expect(connections.length).toBe(1)
  portCheck.resolve()
  await idle()
  latest('a').answer()
  expect(await second).toBe(snapshot)
  await read()
  expect([connections.length, portChecks.length]).toEqual([2, 1])
})

test('EtcdSource.read does not connect to an unreachable endpoint while its port is closed', async () => {
  const { second, portCheck, connections, portChecks, read } = await startUnreachable()
  portCheck.reject(failureOf('unreachable'))
  await expect(second).rejects.toThrow('it is unreachable')
  const third = read()
  await idle()
  expect([connections.length, portChecks.length]).toEqual([1, 2])
  portChecks[1]!.reject(failureOf('unreachable'))
  await expect(third).rejects.toThrow('it is unreachable')
})

test('EtcdSource.read connects without a port check in the attempt after a port check that timed out', async () => {
  const { second, clock, connections, portChecks, latest, read } = await startUnreachable()
  await clock.advance(5000)
  await expect(second).rejects.toMatchObject({
    reason: 'unreachable',
    message: expect.stringContaining('no connection yet'),
  })
  const third = read()
  await idle()
  expect([connections.length, portChecks.length]).toEqual([2, 1])
  latest('a').answer()
  expect(await third).toBe(snapshot)
})
