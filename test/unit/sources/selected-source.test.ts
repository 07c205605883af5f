import { expect, onTestFinished, test } from 'vitest'
import { serverCaFiles } from '../../../src/rke2.ts'
import { Failure } from '../../../src/sources/failure.ts'
import type { SourceOptions } from '../../../src/sources/options.ts'
import { SelectedSource } from '../../../src/sources/selected-source.ts'
import type { Setup } from '../../../src/sources/setup.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { existsAmong, sourceOptions } from '../../support/setup.ts'

const never = new AbortController().signal
const list = '["10.0.0.1:6443"]'
const dataDir = '/data'
const serverFile = '/data/server/db/etcd/member'
const agentFile = '/data/agent/client-kube-proxy.key'

/** Creates a source on a node with these files, which the test changes; `made` has each source that was chosen. */
function select(files: readonly string[] = [], options: Partial<SourceOptions> = {}) {
  const clock = new VirtualClock()
  onTestFinished(() => expect(clock.sleeping).toBe(0))
  const node = { files: new Set(files), answers: true, delayMs: 0, lookUps: 0 }
  const exists = async (path: string) => {
    node.lookUps++
    if (!node.answers) return new Promise<never>(() => {})
    if (node.delayMs > 0) await clock.sleep(node.delayMs, never)
    return existsAmong(node.files)(path)
  }
  const made: { readonly setup: Setup; readonly source: FakeSource }[] = []
  const create = (setup: Setup) => {
    if (setup.kind === undefined) return undefined
    const source = new FakeSource()
    made.push({ setup, source })
    return source
  }
  const source = new SelectedSource(sourceOptions({ dataDir, ...options }), clock, create, exists)
  return {
    clock,
    node,
    made,
    source,
    kinds: () => made.map(({ setup }) => setup.kind),
    closed: () => made.map(({ source: { closed } }) => closed),
    read: (signal = never) => {
      const result = source.read(signal)
      result.catch(() => {})
      return result
    },
  }
}

/** Returns an object whose `is` is the error of a promise, and `'pending'` until then. */
function errorOf(promise: Promise<unknown>): { is: unknown } {
  const result: { is: unknown } = { is: 'pending' }
  promise.then(
    () => (result.is = 'resolved'),
    (error: unknown) => (result.is = error),
  )
  return result
}

test('SelectedSource.read rejects with tls-files-missing, naming what was looked for, while nothing is found', async () => {
  const { read, made, source } = select()
  const error = await read().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Failure)
  expect(error).toMatchObject({ reason: 'tls-files-missing' })
  expect(error).toMatchObject({
    message:
      'nothing on this node says where to read the list: none of /data/server/db/etcd, ' +
      '/data/server/etc/rke2-etcd-server-load-balancer.json, /data/agent/client-kube-proxy.key and ' +
      '/data/server/tls/etcd/client.key exists yet, and this is no Pod with a ServiceAccount',
  })
  expect([made, source.kind]).toEqual([[], undefined])
})

test('SelectedSource.read chooses anew at each read until there is a list', async () => {
  const { read, node, made, kinds, closed } = select()
  await expect(read()).rejects.toMatchObject({ reason: 'tls-files-missing' })
  node.files.add(agentFile)
  expect(await read()).toMatchObject({ value: undefined })
  node.files.add(serverFile)
  await read()
  expect([kinds(), closed()]).toEqual([
    ['kubernetes', 'etcd'],
    [true, false],
  ])
  made[1]?.source.write(list)
  await read()
  node.files.delete(serverFile)
  await read()
  expect([kinds(), closed()]).toEqual([
    ['kubernetes', 'etcd'],
    [true, false],
  ])
})

test('SelectedSource.read keeps the source while the choice is the same', async () => {
  const { read, made } = select([serverFile])
  await read()
  await read()
  expect(made.map(({ source }) => source.reads)).toEqual([2])
})

test('SelectedSource.read rejects with the failure of the source, and chooses anew after it', async () => {
  const { read, node, made, kinds } = select([agentFile])
  await read()
  const failure = new Failure('unreachable', 'refused')
  made[0]?.source.fail(failure)
  await expect(read()).rejects.toBe(failure)
  node.files.add(serverFile)
  await read()
  expect(kinds()).toEqual(['kubernetes', 'etcd'])
})

test('SelectedSource.read gives up a source whose files are gone', async () => {
  const { read, node, closed } = select([agentFile])
  await read()
  node.files.clear()
  await expect(read()).rejects.toMatchObject({ reason: 'tls-files-missing' })
  expect(closed()).toEqual([true])
})

test('SelectedSource.read chooses anew when the distribution changes', async () => {
  const { read, node, made } = select([agentFile])
  await read()
  node.files.add('/data/agent/k3scontroller.kubeconfig')
  await read()
  expect(made.map(({ setup }) => setup.distribution)).toEqual(['rke2', 'k3s'])
})

test.each(['', '[]', 'null', '{}'])('SelectedSource.read takes the value %j for no list', async (value) => {
  const { read, node, made, kinds, source } = select([agentFile])
  await read()
  made[0]?.source.write(value)
  await read()
  expect(source.longestDelayMs).toBe(5000)
  node.files.add(serverFile)
  await read()
  expect(kinds()).toEqual(['kubernetes', 'etcd'])
})

test('SelectedSource.read looks once for etcd with a distribution', async () => {
  const { read, node, made } = select([], { source: 'etcd', distribution: 'k3s' })
  await read()
  node.files.add(agentFile)
  await read()
  expect(made.map(({ setup, source }) => [setup.kind, setup.distribution, source.reads])).toEqual([['etcd', 'k3s', 2]])
})

test('SelectedSource.read takes a file that must not be looked at for missing', async () => {
  const exists = async () => Promise.reject(new Error('not permitted'))
  const source = new SelectedSource(sourceOptions(), new VirtualClock(), undefined, exists)
  await expect(source.read(never)).rejects.toMatchObject({ reason: 'tls-files-missing' })
})

test('SelectedSource.read rejects with tls-files-unreadable after 1 s when the file system does not answer', async () => {
  const { read, node, clock, source } = select()
  node.answers = false
  const message = '/data cannot be looked at: its file system does not answer'
  const unanswered = { reason: 'tls-files-unreadable', retryForMs: Infinity, message }
  expect(source.pending()).toBeUndefined()
  const result = errorOf(read())
  await clock.advance(999)
  expect([result.is, source.pending()]).toEqual(['pending', expect.objectContaining(unanswered)])
  await clock.advance(1)
  expect(result.is).toBeInstanceOf(Failure)
  expect(result.is).toMatchObject(unanswered)
  expect(source.pending()).toBeUndefined()
})

test('SelectedSource.read waits for the file system no longer than attemptTimeoutMs', async () => {
  const { read, node, clock } = select([], { attemptTimeoutMs: 50 })
  node.answers = false
  const result = errorOf(read())
  await clock.advance(50)
  expect(result.is).toMatchObject({ reason: 'tls-files-unreadable' })
})

test('SelectedSource.read keeps the source, after 1 s, when the file system does not answer any more', async () => {
  const { read, node, clock, made, closed } = select([agentFile])
  await read()
  node.answers = false
  const result = read()
  await clock.advance(999)
  expect(made[0]?.source.reads).toBe(1)
  await clock.advance(1)
  expect(await result).toMatchObject({ value: undefined })
  expect([made[0]?.source.reads, closed()]).toEqual([2, [false]])
})

test('SelectedSource.read uses the choice of a slow file system at the next read', async () => {
  const { read, node, clock, kinds } = select([agentFile])
  node.delayMs = 400
  const first = errorOf(read())
  await clock.advance(1000)
  expect(first.is).toMatchObject({ reason: 'tls-files-unreadable' })
  await clock.advance(4000)
  const { lookUps } = node
  await read()
  expect([kinds(), node.lookUps]).toEqual([['kubernetes'], lookUps])
})

test('SelectedSource.read starts no look-ups while those of before have no answer', async () => {
  const { read, node, clock } = select()
  node.answers = false
  const first = errorOf(read())
  await clock.advance(1000)
  const { lookUps } = node
  const second = errorOf(read())
  await clock.advance(1000)
  const unanswered = { reason: 'tls-files-unreadable' }
  expect([first.is, second.is]).toMatchObject([unanswered, unanswered])
  expect(node.lookUps).toBe(lookUps)
})

test('SelectedSource.read rejects with signal.reason at once when it is aborted while it chooses', async () => {
  const { read, node } = select()
  node.answers = false
  const controller = new AbortController()
  const result = read(controller.signal)
  await idle()
  controller.abort('enough')
  await expect(result).rejects.toBe('enough')
})

test('SelectedSource.close closes a source that is chosen later by a read in flight', async () => {
  const { read, node, clock, source, closed } = select([serverFile])
  node.delayMs = 100
  const result = read()
  await clock.advance(50)
  source.close()
  await clock.advance(1000)
  await result
  expect(closed()).toEqual([true])
})

test('SelectedSource.close closes the source', async () => {
  const { read, source, closed } = select([serverFile])
  await read()
  source.close()
  expect(closed()).toEqual([true])
})

test('SelectedSource.longestDelayMs is 5000 until there is a list', async () => {
  const { read, made, source } = select([serverFile])
  expect(source.longestDelayMs).toBe(5000)
  await read()
  expect(source.longestDelayMs).toBe(5000)
  made[0]?.source.write(list)
  await read()
  expect(source.longestDelayMs).toBe(Infinity)
})

test('SelectedSource.longestDelayMs is Infinity when the options choose etcd and the distribution', async () => {
  const { read, source } = select([], { source: 'etcd', distribution: 'rke2' })
  await read()
  expect(source.longestDelayMs).toBe(Infinity)
})

test('SelectedSource.watch rejects with tls-files-missing while nothing is found', async () => {
  const { read, source } = select()
  const message = expect.stringContaining(
    'nothing on this node says where to read the list: none of /data/server/db/etcd',
  )
  await expect(source.watch(0n, never)).rejects.toMatchObject({ reason: 'tls-files-missing', message })
  await expect(read()).rejects.toMatchObject({ reason: 'tls-files-missing', message })
})

test('SelectedSource.watch fails within 5 s when the choice changes, and the next read uses the new source', async () => {
  const { read, node, clock, source, kinds, closed } = select([agentFile])
  const { revision } = await read()
  const watch = await source.watch(revision, never)
  const changed = errorOf(watch.changed(never))
  node.files.add(serverFile)
  await clock.advance(4999)
  expect(changed.is).toBe('pending')
  await clock.advance(1)
  expect(changed.is).toBeInstanceOf(Failure)
  expect(changed.is).toMatchObject({ reason: 'unavailable', message: 'the files of this node have changed' })
  watch.close()
  await read()
  expect([kinds(), closed()]).toEqual([
    ['kubernetes', 'etcd'],
    [true, false],
  ])
})

test('SelectedSource.watch stays open while the choice is the same', async () => {
  const { read, node, clock, source } = select([agentFile])
  await read()
  const watch = await source.watch(0n, never)
  const controller = new AbortController()
  const changed = errorOf(watch.changed(controller.signal))
  node.files.add('/data/server/tls/etcd/client.key')
  await clock.advance(60_000)
  expect(changed.is).toBe('pending')
  controller.abort('enough')
  await idle()
  expect(changed.is).toBe('enough')
})

test('SelectedSource.watch stays open while the file system does not answer', async () => {
  const { read, node, clock, source } = select([agentFile])
  await read()
  const watch = await source.watch(0n, never)
  const controller = new AbortController()
  const changed = errorOf(watch.changed(controller.signal))
  node.answers = false
  await clock.advance(60_000)
  expect(changed.is).toBe('pending')
  controller.abort('enough')
})

test('SelectedSource.watch drains the changes of the source, and a list among them ends the choice', async () => {
  const { read, node, clock, made, source, kinds } = select([agentFile])
  await read()
  const watch = await source.watch(0n, never)
  const changed = watch.changed(never)
  made[0]?.source.write(list)
  await changed
  expect(watch.drain()).toMatchObject([{ value: Buffer.from(list) }])
  expect(source.longestDelayMs).toBe(Infinity)
  node.files.add(serverFile)
  const { lookUps } = node
  const controller = new AbortController()
  const next = errorOf(watch.changed(controller.signal))
  await clock.advance(60_000)
  await read()
  expect([next.is, node.lookUps, kinds()]).toEqual(['pending', lookUps, ['kubernetes']])
  controller.abort('enough')
})

test('SelectedSource.watch is over and closes as the watch of the source does', async () => {
  const { read, made, source } = select([agentFile])
  await read()
  const watch = await source.watch(0n, never)
  expect([watch.isOver, made[0]?.source.watching]).toEqual([false, 1])
  watch.close()
  expect(made[0]?.source.watching).toBe(0)
})

test('SelectedSource.watch rejects when the source is cut', async () => {
  const { read, made, source } = select([agentFile])
  await read()
  const watch = await source.watch(0n, never)
  const changed = watch.changed(never)
  made[0]?.source.cut()
  await expect(changed).rejects.toMatchObject({ reason: 'unreachable' })
})

test('SelectedSource describes the node of the options before it has chosen', () => {
  const { source } = select([], { distribution: 'k3s' })
  const { kind, subject, endpoint, fingerprint, shrinkDelayMs } = source
  expect({ kind, subject, endpoint, fingerprint, shrinkDelayMs }).toEqual({
    kind: undefined,
    subject: 'k3s/apiaddresses',
    endpoint: dataDir,
    fingerprint: undefined,
    shrinkDelayMs: 0,
  })
  expect(source.serverCaFiles).toEqual(serverCaFiles(dataDir))
})

test.each([
  ['etcd', { key: 'list' }, 'list'],
  ['etcd', {}, 'rke2/apiaddresses'],
  ['kubernetes', {}, 'default/kubernetes'],
] as const)('SelectedSource has the kind %s and the subject of the options %j before it has chosen', (...row) => {
  const [kind, options, subject] = row
  const { source } = select([], { source: kind, ...options })
  expect([source.kind, source.subject]).toEqual([kind, subject])
})

test('SelectedSource describes the source that it has chosen', async () => {
  const { read, made, source } = select([serverFile])
  await read()
  const chosen = made[0]!.source
  chosen.fingerprint = 'f'
  const { kind, subject, endpoint, fingerprint, shrinkDelayMs, serverCaFiles: caFiles } = source
  expect({ kind, subject, endpoint, fingerprint, shrinkDelayMs, serverCaFiles: caFiles }).toEqual({
    kind: chosen.kind,
    subject: chosen.subject,
    endpoint: chosen.endpoint,
    fingerprint: 'f',
    shrinkDelayMs: chosen.shrinkDelayMs,
    serverCaFiles: chosen.serverCaFiles,
  })
  chosen.becomeConnected()
  await source.whenConnected()
  chosen.hold()
  expect(source.pending()).toMatchObject({ reason: 'timeout' })
})

test('SelectedSource.hint says on a node without files what may be the cause, and nothing for another reason', async () => {
  const { source } = select([], { dataDir: '/data/none' })
  const hint = source.hint(new Failure('tls-files-missing', 'none'), 0)
  expect(await hint).toMatch(/^\/data\/none does not exist: either RKE2 or K3s was never started/)
  expect(source.hint(new Failure('tls-files-unreadable', 'silent'), 0)).toBeUndefined()
})
