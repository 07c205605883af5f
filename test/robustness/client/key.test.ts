import { expect, test } from 'vitest'
import { KeyClient } from '../../../robustness/client/key.ts'
import { History } from '../../../robustness/model/history.ts'
import { Report } from '../../../robustness/report/report.ts'
import type { EtcdCluster } from '../../support/etcd.ts'
import { a, b, c } from '../fixtures.ts'

/** A store that may apply a write late, or not answer it. */
class FakeStore {
  readonly #values: string[] = ['', '']
  readonly #delayed: string[] = []
  readonly name = 'store'
  readonly reachable = true
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

test('KeyClient adds a write without an answer when it takes effect, with the time when it was sent', async () => {
  const store = new FakeStore()
  const history = new History()
  const etcd = { members: [store], request: store.request } as unknown as EtcdCluster
  using report = new Report('test')
  const client = new KeyClient(etcd, history, report)
  const write = (address: string) =>
    client.write({ text: address, kind: 'list', addresses: [address] }, ([member]) => member)
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
  report.discard()
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
