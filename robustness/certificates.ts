import { createAuthority } from '../test/support/certificates.ts'
import type { Authority } from '../test/support/certificates.ts'
import type { EtcdCluster, EtcdMember } from '../test/support/etcd.ts'
import { serving } from './health.ts'
import { Lane } from './lane.ts'
import type { WallClock } from './wall-clock.ts'

/** Renews certificates, of the client and of etcd, and the authority that both trust. */
export class Certificates {
  readonly #etcd: EtcdCluster
  /** One for each member: it must be there, and nobody else may stop it. */
  readonly #members: readonly Lane[]
  readonly #wallClock: WallClock
  readonly #lane = new Lane()
  #authority: Authority
  #authorities = 0

  constructor(etcd: EtcdCluster, members: readonly Lane[], wallClock: WallClock) {
    this.#etcd = etcd
    this.#members = members
    this.#wallClock = wallClock
    this.#authority = etcd.authority
  }

  renewClient(): Promise<void> {
    return this.#lane.do(() => this.#client(this.#authority.cert))
  }

  renewServers(): Promise<void> {
    return this.#lane.do(() => this.#servers())
  }

  /** As RKE2 does it: both authorities are trusted everywhere, before the first certificate of the new one is used. */
  renewAuthority(): Promise<void> {
    return this.#lane.do(async () => {
      const next = await createAuthority(`etcd-server-ca@${++this.#authorities}`, this.#wallClock.validity)
      const both = `${this.#authority.cert}\n${next.cert}\n`
      await this.#client(both)
      await this.#each(async (member) => {
        await member.trust(both)
        await member.stop()
        await member.start({ untilReady: false })
      })
      this.#authority = next
      await this.#servers()
      await this.#client(both)
      await this.#client(next.cert)
    })
  }

  async #client(authorities: string): Promise<void> {
    const request = { commonName: 'etcd-client', usages: ['client'], ...this.#wallClock.validity } as const
    await this.#etcd.writeClientFiles(await this.#authority.issue(request), authorities)
  }

  async #servers(): Promise<void> {
    const names = { commonName: 'etcd-server', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }
    await this.#each(async (member) => {
      // One that is starting would end if it found its files being replaced.
      await serving(member)
      await member.useCertificate(await this.#authority.issue({ ...names, ...this.#wallClock.validity }))
    })
  }

  async #each(job: (member: EtcdMember) => Promise<void>): Promise<void> {
    for (const [index, lane] of this.#members.entries()) await lane.do(() => job(this.#etcd.members[index]!))
  }
}
