import { expect, test } from 'vitest'
import { openConnection } from '../../../support/connection.ts'
import { answer, frame, header, message, range, refusal, startHostileEtcd } from '../../../support/hostile-etcd.ts'
import type { Answer } from '../../../support/hostile-http2.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import '../../../support/preload.ts'

expectNoLeaks()

const never = new AbortController().signal

/** Answers with each of these in turn, and with the last one from then on. */
function inTurn(...answers: readonly [Answer, ...Answer[]]) {
  let calls = 0
  const next: Answer = (stream) => answers[Math.min(calls++, answers.length - 1)]!(stream)
  return { next, calls: () => calls }
}

/** An `AuthenticateResponse` with a token. */
const token = answer(frame(message([1, header()], [2, 'some.token'])))
const list = answer(frame(range()))
const credentials = { username: 'user', password: 'password' }

test('EtcdConnection.read returns value and revisions of the key', async () => {
  const connection = await openConnection(await startHostileEtcd({ onRange: list }))
  expect(await connection.read(never)).toEqual({
    value: Buffer.from('["10.0.0.11:6443"]\n'),
    modRevision: 7n,
    createRevision: 3n,
    version: 2n,
    revision: 10n,
  })
  expect(connection.stage).toBe('ready')
})

test('EtcdConnection.read returns a snapshot without a value if the key does not exist', async () => {
  const connection = await openConnection(await startHostileEtcd({ onRange: answer(frame(message([1, header()]))) }))
  const absent = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 10n }
  expect(await connection.read(never)).toEqual(absent)
})

test('EtcdConnection.read authenticates once, with the first read', async () => {
  const { next: onAuthenticate, calls } = inTurn(token)
  const connection = await openConnection(await startHostileEtcd({ onAuthenticate }), credentials)
  await connection.read(never)
  await connection.read(never)
  expect(calls()).toBe(1)
})

test('EtcdConnection.read does not authenticate without credentials', async () => {
  const { next: onAuthenticate, calls } = inTurn(token)
  const connection = await openConnection(await startHostileEtcd({ onAuthenticate }))
  await connection.read(never)
  expect(calls()).toBe(0)
})

test('EtcdConnection.read continues without a token if etcd has authentication switched off', async () => {
  const { next: onRange, calls } = inTurn(list)
  const connection = await openConnection(await startHostileEtcd({ onRange }), credentials)
  expect(await connection.read(never)).toMatchObject({ revision: 10n })
  expect(calls()).toBe(1)
})

test.each([
  ['16', 'etcdserver: invalid auth token'],
  ['3', 'etcdserver: revision of auth store is old'],
  ['3', 'etcdserver: user name is empty'],
])('EtcdConnection.read renews its token and reads again after status %s "%s"', async (code, text) => {
  const authentications = inTurn(token)
  const ranges = inTurn(refusal(code, text), list)
  const options = { onAuthenticate: authentications.next, onRange: ranges.next }
  const connection = await openConnection(await startHostileEtcd(options), credentials)
  expect(await connection.read(never)).toMatchObject({ revision: 10n })
  expect([authentications.calls(), ranges.calls()]).toEqual([2, 2])
})

test('EtcdConnection.read renews a token only once', async () => {
  const { next: onRange, calls } = inTurn(refusal('16', 'etcdserver: invalid auth token'))
  const connection = await openConnection(await startHostileEtcd({ onAuthenticate: token, onRange }), credentials)
  await expect(connection.read(never)).rejects.toMatchObject({ reason: 'unauthenticated' })
  expect(calls()).toBe(2)
})

test('EtcdConnection.read rejects with signal.reason when it is aborted', async () => {
  const connection = await openConnection(await startHostileEtcd({ onRange: () => {} }))
  const controller = new AbortController()
  const result = connection.read(controller.signal)
  controller.abort('enough')
  await expect(result).rejects.toBe('enough')
})

test('EtcdConnection.close ends a watch with a failure that says that the connection was replaced', async () => {
  const url = await startHostileEtcd({})
  const connection = await openConnection(url)
  const watch = await connection.watch(7n, never)
  const changed = watch.changed(never)
  connection.close()
  await expect(changed).rejects.toMatchObject({
    reason: 'unavailable',
    message: `${url}: the call was cancelled (another connection took its place)`,
  })
})
