import { expect, onTestFinished, test } from 'vitest'
import { KeyClient } from '../../../robustness/client/key.ts'
import { History } from '../../../robustness/model/history.ts'
import type { KeyValue } from '../../../robustness/model/key-value.ts'
import { Report } from '../../../robustness/report/report.ts'
import type { EtcdCluster } from '../../support/etcd.ts'
import { a, b, c } from '../fixtures.ts'

/** A store that may apply a write late, or not answer it. */
class FakeStore {
  readonly #values: string[] = ['', '']
  readonly #delayed: string[] = []
  readonly name = 'store'
  readonly reachable = true
  readonly gatewayUrl = (path: string) => `http://store/${path}`
  mode: 'answer' | 'apply without an answer' | 'delay' = 'answer'

  applyDelayed(): void {
    this.#values.push(...this.#delayed.splice(0))
  }

  request = async (path: string, { value = '', revision = '0' }: { value?: string; revision?: string }) => {
    if (path === 'kv/put') {
      if (this.mode === 'delay') this.#delayed.push(value)
      else this.#values.push(value)
      if (this.mode !== 'answer') throw new Error('no answer')
    }
    const latest = this.#values.length - 1
    const read = Number(revision) || latest
    return { header: { revision: String(latest) }, kvs: [{ value: this.#values[read], mod_revision: String(read) }] }
  }
}

/** Returns a client of the store, and the history that the client completes. */
function connect(store: FakeStore) {
  const history = new History()
  const etcd = { members: [store], request: store.request } as unknown as EtcdCluster
  const report = new Report('test')
  onTestFinished(() => {
    report.discard()
    report[Symbol.dispose]()
  })
  return { client: new KeyClient(etcd, history, report), history }
}

const valueOf = (address: string): KeyValue => ({ text: address, kind: 'list', addresses: [address] })

test('KeyClient adds a write without an answer when it takes effect, with the time when it was sent', async () => {
  const store = new FakeStore()
  const { client, history } = connect(store)
  const write = (address: string) => client.write(valueOf(address), ([member]) => member)
  await write(a)
  store.mode = 'delay'
  expect(await write(b)).toBeUndefined()
  store.mode = 'apply without an answer'
  const sentAt = performance.now()
  await write(c)
  await client.updateHistory()
  expect(history.states.map(({ text }) => text)).toEqual(['', a, c])
  store.applyDelayed()
  await client.updateHistory()
  expect(history.states.map(({ text, revision }) => [text, revision])).toEqual([
    ['', 0],
    [a, 2],
    [c, 3],
    [b, 4],
  ])
  const [, , third, last] = history.states
  expect(third?.sentAt).toBeGreaterThanOrEqual(sentAt)
  expect(last?.sentAt).toBeLessThan(sentAt)
  expect(last?.completedAt).toBeGreaterThan(third!.completedAt)
})

test('KeyClient adds a write that another process has sent, with the times of that process', async () => {
  const store = new FakeStore()
  const { client, history } = connect(store)
  await client.write(
    valueOf(a),
    ([member]) => member,
    async ({ url, body }) => {
      expect(url).toBe('http://store/kv/put')
      return { reply: await store.request('kv/put', body), sentAt: 1, completedAt: 2 }
    },
  )
  await client.updateHistory()
  expect(history.last).toMatchObject({ text: a, revision: 2, sentAt: 1, completedAt: 2 })
})

test('KeyClient adds a write of another process without a reply when it takes effect', async () => {
  const store = new FakeStore()
  const { client, history } = connect(store)
  const before = performance.now()
  const written = await client.write(
    valueOf(a),
    ([member]) => member,
    async ({ body }) => void (await store.request('kv/put', body)),
  )
  expect(written).toBeUndefined()
  await client.updateHistory()
  expect(history.last).toMatchObject({ text: a, revision: 2 })
  expect(history.last.sentAt).toBeGreaterThanOrEqual(before)
  expect(history.last.completedAt).toBeGreaterThan(history.last.sentAt)
})
