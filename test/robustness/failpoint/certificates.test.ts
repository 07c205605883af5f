import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { Certificates } from '../../../robustness/failpoint/certificates.ts'
import { WallClock } from '../../../robustness/failpoint/wall-clock.ts'
import { Mutex } from '../../../robustness/mutex.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { KeyPair } from '../../support/certificates.ts'
import type { EtcdCluster } from '../../support/etcd.ts'

class FakeMember {
  readonly certificates: X509Certificate[] = []
  readonly status = async () => ({})
  readonly useCertificate = async ({ cert }: KeyPair) => void this.certificates.push(new X509Certificate(cert))
}

async function createCertificates(wallClock: WallClock) {
  const authority = await createAuthority()
  const members = [new FakeMember(), new FakeMember(), new FakeMember()]
  const locks = members.map(() => new Mutex())
  const certificates = new Certificates({ authority, members } as unknown as EtcdCluster, locks, wallClock)
  return { authority, members, locks, certificates }
}

/** Returns the time from now until a certificate is valid. It is negative for a certificate that is valid already. */
const futureMs = ({ validFromDate }: X509Certificate) => validFromDate.getTime() - Date.now()

test('issueFutureServer gives one member a certificate that is not valid yet', async () => {
  using wallClock = new WallClock()
  const { authority, members, certificates } = await createCertificates(wallClock)
  await certificates.issueFutureServer(1, 3_600_000)
  expect(members.map((member) => member.certificates.length)).toEqual([0, 1, 0])
  const [certificate] = members[1]!.certificates
  expect(futureMs(certificate!)).toBeGreaterThan(1_800_000)
  expect(futureMs(certificate!)).toBeLessThanOrEqual(3_600_000)
  expect(certificate?.verify(new X509Certificate(authority.cert).publicKey)).toBe(true)
  expect(certificate?.checkIP('127.0.0.1')).toBe('127.0.0.1')
})

test('issueFutureServer counts from the real time, although the wall clock was set', async () => {
  using wallClock = new WallClock()
  wallClock.step(-86_400_000)
  const { members, certificates } = await createCertificates(wallClock)
  await certificates.issueFutureServer(0, 3_600_000)
  wallClock.step(86_400_000)
  expect(futureMs(members[0]!.certificates[0]!)).toBeGreaterThan(1_800_000)
})

test('issueFutureServer counts from the time when the member has no other fault', async () => {
  using wallClock = new WallClock()
  const { members, locks, certificates } = await createCertificates(wallClock)
  const otherFault = Promise.withResolvers<void>()
  void locks[2]!.run(() => otherFault.promise)
  const issued = certificates.issueFutureServer(2, 3_600_000)
  await new Promise((resolve) => setImmediate(resolve))
  expect(members[2]!.certificates).toEqual([])
  otherFault.resolve()
  await issued
  expect(members[2]!.certificates).toHaveLength(1)
})

test('renewServers gives every member a certificate that is valid', async () => {
  using wallClock = new WallClock()
  const { members, certificates } = await createCertificates(wallClock)
  await certificates.issueFutureServer(1, 3_600_000)
  await certificates.renewServers()
  const latest = members.map((member) => member.certificates.at(-1)!)
  expect(latest.map((certificate) => futureMs(certificate) < 0)).toEqual([true, true, true])
})
