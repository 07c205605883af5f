import { afterAll, beforeAll, expect, test } from 'vitest'
import { ObservedCall } from '../support/call.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { record, stopwatch } from '../support/faults.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']

expectNoLeaks()

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd({ tls: 'none', config: { 'max-request-bytes': 8 << 20, 'quota-backend-bytes': 32 << 20 } })
})
afterAll(() => etcd[Symbol.asyncDispose]())

test.each([
  ['over 1 MiB', (1 << 20) + 1, /the value has 1048577 bytes, more than 1048576/],
  ['over 4 MiB, which no message of gRPC may have', 5 << 20, /the value is too large to be a list/],
])('resolve rejects with invalid-value at once for a value %s', async (title, bytes, message) => {
  await etcd.put('large', Buffer.alloc(bytes, ' '))
  const sinceFault = stopwatch()
  const call = new ObservedCall({ endpoints: etcd.endpoints, key: 'large' })
  expect(await call.error()).toMatchObject({
    code: 'REJECTED',
    reason: 'invalid-value',
    attempts: 1,
    message: expect.stringMatching(message),
  })
  record({ fault: `value ${title}`, reason: 'invalid-value', reportedMs: sinceFault() })
})

test('resolve returns the list of an etcd whose store is full (NOSPACE)', async () => {
  await etcd.put('list', JSON.stringify(one))
  const fill = async (): Promise<never> => {
    for (;;) await etcd.put('fill', Buffer.alloc(4 << 20))
  }
  await expect(fill()).rejects.toThrow(/database space exceeded/)
  const call = new ObservedCall({ endpoints: etcd.endpoints, key: 'list' })
  expect(await call.result).toMatchObject({ addresses: one, attempts: 1 })
  record({ fault: 'NOSPACE alarm', reason: undefined })
})
