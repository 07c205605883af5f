import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ResolveOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember } from '../support/etcd.ts'
import { longestPauseMs, record, stopwatch } from '../support/faults.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']
const two = ['10.0.0.11:6443', '10.0.0.12:6443']

expectNoLeaks()

let etcd: EtcdCluster
let members: [EtcdMember, EtcdMember, EtcdMember]
let key: string
let keys = 0
beforeAll(async () => {
  etcd = await startEtcd({ members: 3 })
  members = [...etcd.members] as typeof members
})
beforeEach(() => {
  key = `test/${++keys}`
})
afterAll(() => etcd[Symbol.asyncDispose]())

const put = (addresses: readonly string[]) => etcd.put(key, JSON.stringify(addresses))
/** Starts a call for the key of the test, with these members as endpoints, in this order. */
const call = (chosen: readonly EtcdMember[] = members, options: ResolveOptions = {}) =>
  new ObservedCall({ endpoints: chosen.map(({ endpoint }) => endpoint), tls: etcd.tls, key, ...options })
const knowsLeader = async (member: EtcdMember, known: boolean): Promise<void> => {
  await expect.poll(async () => (await member.status()).leader !== '0').toBe(known)
}

test.each<[title: string, break_: (member: EtcdMember) => Promise<void>, mend: (member: EtcdMember) => Promise<void>]>([
  ['dead', (member) => member.kill(), (member) => member.start()],
  ['frozen', (member) => member.pause(), (member) => member.unpause()],
  ['cut off from the other members', (member) => member.partition(), (member) => member.heal()],
])(
  'resolve returns the newest list of three members in one attempt when the first endpoint is %s',
  async (title, break_, mend) => {
    const [faulty] = members
    await put(one)
    await break_(faulty)
    await put(two)
    const sinceFault = stopwatch()
    // Longer than this test: the answer can only come from the next endpoint.
    const reading = call(members, { attemptTimeoutMs: 600_000 })
    expect(await reading.result).toMatchObject({ addresses: two, attempts: 1 })
    const reportedMs = sinceFault()
    record({ fault: `first of three endpoints ${title}`, reason: undefined, reportedMs })
    expect(reading.reasons).toEqual([])
    await mend(faulty)
  },
)

test('resolve reports no-leader for a member that is cut off, and reads neither an old list nor not-set from it', async () => {
  const [, , cutOff] = members
  const attemptTimeoutMs = 2000
  await etcd.put('stale', JSON.stringify(one))
  await call([cutOff], { key: 'stale' }).result
  const waiting = call([cutOff], { attemptTimeoutMs })
  await waiting.until('not-set')
  const sinceFault = stopwatch()
  await cutOff.partition()
  const listed = call([cutOff], { key: 'stale', attemptTimeoutMs })
  await Promise.all([listed, waiting].map((some) => some.until('no-leader')))
  const reportedMs = sinceFault()
  await put(two)
  await etcd.put('stale', JSON.stringify(two))
  await Promise.all([listed, waiting].map((some) => some.untilRetry()))
  await cutOff.heal()
  await knowsLeader(cutOff, true)
  const recovered = stopwatch()
  expect(await listed.result).toMatchObject({ addresses: two })
  expect(await waiting.result).toMatchObject({ addresses: two })
  const recoverMs = recovered()
  record({ fault: 'the only endpoint cut off from the other members', reason: 'no-leader', reportedMs, recoverMs })
  expect(waiting.reasons.filter((reason) => reason === 'not-set')).toHaveLength(1)
  expect(listed.reasons).not.toContain('not-set')
  // etcd loses a read that arrives while it reconnects to the other members.
  expect(listed.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve reads again when the leader is killed during a read', async () => {
  const [survivor, leader] = members
  await put(one)
  await etcd.moveLeader(leader)
  // Frozen first, so that the read cannot be over before the leader is dead.
  await leader.pause()
  const reading = call([survivor])
  await reading.events.until('attempt')
  const sinceFault = stopwatch()
  await leader.kill()
  // etcd answers so only to reads that were in flight.
  expect((await reading.until('no-leader')).message).toMatch(/etcdserver: leader changed/)
  const reportedMs = sinceFault()
  expect(await reading.result).toMatchObject({ addresses: one })
  record({
    fault: 'leader killed during a read',
    reason: 'no-leader',
    reportedMs,
    recoverMs: sinceFault() - reportedMs,
  })
  await leader.start()
})

test('resolve reports no-leader without a quorum, and returns the list when there is a quorum again', async () => {
  const [survivor, second, third] = members
  const listed = call(members, { key: 'listed' })
  await listed.until('not-set')
  await put(one)
  await Promise.all([second.kill(), third.kill()])
  const lost = stopwatch()
  await listed.until('no-leader')
  record({ fault: 'quorum lost under a waiting call', reason: 'no-leader', reportedMs: lost() })
  await knowsLeader(survivor, false)

  const sinceFault = stopwatch()
  const waiting = call()
  const phase = await waiting.until('no-leader')
  const reportedMs = sinceFault()
  expect(phase.message).toContain(`${survivor.endpoint}: etcd has no leader or lost its quorum (etcdserver: no leader)`)
  expect(waiting.reasons).toEqual(['no-leader'])
  await waiting.untilRetry()
  await second.start({ untilReady: false })
  await etcd.leader()
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  const recoverMs = recovered()
  record({ fault: 'quorum lost before the call', reason: 'no-leader', reportedMs, recoverMs })
  await etcd.put('listed', JSON.stringify(two))
  expect(await listed.result).toMatchObject({ addresses: two })
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
  await third.start()
})

test('resolve goes on waiting for the key while all members are restarted one after the other', async () => {
  const waiting = call(members, { expect: two })
  await waiting.until('not-set')
  for (const member of members) {
    await member.restart()
    await etcd.leader()
  }
  await put(one)
  await waiting.until('incomplete')
  const recovered = stopwatch()
  await put(two)
  expect(await waiting.result).toMatchObject({ addresses: two })
  record({ fault: 'rolling restart', reason: waiting.reasons[1], recoverMs: recovered() })
})

test('resolve reports learner for a learner, and returns the list when the learner is promoted', async () => {
  await using single = await startEtcd()
  await single.put('key', JSON.stringify(one))
  const learner = await single.addLearner()
  const sinceFault = stopwatch()
  const waiting = new ObservedCall({ endpoints: learner.endpoint, tls: single.tls, key: 'key' })
  const absent = new ObservedCall({ endpoints: learner.endpoint, tls: single.tls, key: 'absent' })
  const phase = await waiting.until('learner')
  const reportedMs = sinceFault()
  expect(phase.message).toContain(`${learner.endpoint}: this etcd member is still a learner (etcdserver: `)
  await absent.until('learner')
  await waiting.untilRetry()
  await single.promote(learner)
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  const recoverMs = recovered()
  record({ fault: 'learner', reason: 'learner', reportedMs, recoverMs })
  expect(waiting.reasons).toEqual(['learner'])
  expect(absent.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
  await absent.until('not-set')
  await single.put('absent', JSON.stringify(two))
  expect(await absent.result).toMatchObject({ addresses: two })
  expect(absent.reasons).toEqual(['learner', 'not-set'])
})
