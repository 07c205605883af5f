import { expect, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c, d] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '10.0.0.4:6443'] as const
const key = 'rke2/apiaddresses'
const list = (...addresses: string[]) => JSON.stringify(addresses)

expectNoLeaks()

// etcd reads the CA of its clients only when it starts. In a rotation, that may be minutes after the files were written.
test.each([
  ['etcd does not accept the new client certificate', true],
  ["the new CA file does not accept etcd's certificate", false],
])('watch keeps its connection through a rotation of the CA while %s', async (_title, trustsBoth) => {
  await using etcd = await startEtcd()
  const member = etcd.members[0]!
  await etcd.put(key, list(a, b, c))
  const { dataDir, endpoints } = etcd
  const followed = new ObservedWatch({ dataDir, endpoints, shrinkDelayMs: 1 })
  await followed.start()
  const next = await createAuthority('next-ca')
  const trusted = trustsBoth ? `${etcd.authority.cert}\n${next.cert}` : next.cert
  await etcd.writeClientFiles(await next.issue({ commonName: 'etcd-client', usages: ['client'] }), trusted)

  // Each removal makes the watch read, and so try the new files.
  await etcd.put(key, list(a, b))
  await followed.events.until('changed', ({ removed }) => removed.includes(c))
  await etcd.put(key, list(a))
  await followed.events.until('changed', ({ removed }) => removed.includes(b))
  expect(followed.events.types).toEqual(['held', 'attempt', 'changed', 'held', 'attempt', 'changed'])

  await member.stop()
  await member.trust(next.cert)
  await member.useCertificate(await next.issue({ commonName: 'etcd-server', ipAddresses: ['127.0.0.1'] }))
  await member.start()
  await followed.events.until('connected')
  await etcd.put(key, list(a, d))
  await followed.events.until('changed', ({ added }) => added.includes(d))
  expect(followed.events.of('failed')).toEqual([])
})
