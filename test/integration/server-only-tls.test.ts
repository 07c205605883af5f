import { expect, test } from 'vitest'
import { resolveApiserverAddresses } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { etcdFolder } from '../support/etcd-config.ts'
import { startEtcd } from '../support/etcd.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const key = 'rke2/apiaddresses'
const address = '10.0.0.1:6443'

expectNoLeaks()

test('resolve with tls.caFile alone reads an etcd that requires no client certificate', async () => {
  const security = { 'cert-file': `${etcdFolder}/server.crt`, 'key-file': `${etcdFolder}/server.key` }
  await using etcd = await startEtcd({ config: { 'client-transport-security': security } })
  await etcd.put(key, JSON.stringify([address]))
  const { caFile } = etcd.tls
  const { addresses } = await resolveApiserverAddresses({ endpoints: etcd.endpoints, tls: { caFile } })
  expect(addresses).toEqual([address])
})

test('resolve with tls.caFile alone names the missing certificate when etcd requires one', async () => {
  await using etcd = await startEtcd()
  const { caFile } = etcd.tls
  const call = new ObservedCall({ endpoints: etcd.endpoints, tls: { caFile } })
  const { hint } = await call.until('tls-rejected')
  expect(hint).toBe(`the CA is ${caFile}, and there is no client certificate`)
})
