import { createAuthority } from '../../test/support/certificates.ts'
import type { Authority } from '../../test/support/certificates.ts'
import type { EtcdCluster, EtcdMember } from '../../test/support/etcd.ts'
import { Mutex } from '../mutex.ts'
import { waitUntilServing } from './health.ts'
import type { WallClock } from './wall-clock.ts'

/** Renews the certificates of the client and of etcd, and the authority that both trust. */
export class Certificates {
  readonly #etcd: EtcdCluster
  /** One for each member: it must be running, and no other fault may stop it. */
  readonly #members: readonly Mutex[]
  readonly #wallClock: WallClock
  readonly #mutex = new Mutex()
  #authority: Authority
  #authorities = 0

  constructor(etcd: EtcdCluster, members: readonly Mutex[], wallClock: WallClock) {
    this.#etcd = etcd
    this.#members = members
    this.#wallClock = wallClock
    this.#authority = etcd.authority
  }

  renewClient(): Promise<void> {
    return this.#mutex.run(() => this.#issueClient(this.#authority.cert))
  }

  renewServers(): Promise<void> {
    return this.#mutex.run(() => this.#issueServers())
  }

  /** Gives a member a certificate that is not valid yet. It is valid after `ms`. */
  issueFutureServer(member: number, ms: number): Promise<void> {
    const job = () => this.#issueServer(this.#etcd.members[member]!, () => this.#wallClock.validityFrom(ms))
    return this.#mutex.run(() => this.#members[member]!.run(job))
  }

  /**
   * Replaces the authority as RKE2 does: both are trusted everywhere before the new one issues its first certificate.
   */
  renewAuthority(): Promise<void> {
    return this.#mutex.run(async () => {
      const next = await createAuthority(`etcd-server-ca@${++this.#authorities}`, this.#wallClock.validity)
      const both = `${this.#authority.cert}\n${next.cert}\n`
      await this.#issueClient(both)
      await this.#forEachMember(async (member) => {
        await member.trust(both)
        await member.stop()
        await member.start({ untilReady: false })
      })
      this.#authority = next
      await this.#issueServers()
      await this.#issueClient(both)
      await this.#issueClient(next.cert)
    })
  }

  /**
   * Issues a certificate for the client.
   *
   * @param trusted the certificates of the authorities that the client trusts
   */
  async #issueClient(trusted: string): Promise<void> {
    const request = { commonName: 'etcd-client', usages: ['client'], ...this.#wallClock.validity } as const
    await this.#etcd.writeClientFiles(await this.#authority.issue(request), trusted)
  }

  async #issueServers(): Promise<void> {
    await this.#forEachMember((member) => this.#issueServer(member, () => this.#wallClock.validity))
  }

  async #issueServer(member: EtcdMember, validity: () => WallClock['validity']): Promise<void> {
    const names = { commonName: 'etcd-server', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }
    // A member exits if its files are replaced while it starts.
    await waitUntilServing(member)
    await member.useCertificate(await this.#authority.issue({ ...names, ...validity() }))
  }

  async #forEachMember(job: (member: EtcdMember) => Promise<void>): Promise<void> {
    for (const [index, mutex] of this.#members.entries()) await mutex.run(() => job(this.#etcd.members[index]!))
  }
}
