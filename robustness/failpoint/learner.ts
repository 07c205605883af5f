import type { EtcdCluster, EtcdMember } from '../../test/support/etcd.ts'
import { startProxy } from '../../test/support/net.ts'
import type { Proxy } from '../../test/support/net.ts'

/**
 * A member without a vote, behind a proxy that stays the same. A restored snapshot does not contain the learner, so it
 * leaves before that and joins again afterwards.
 */
export class Learner implements AsyncDisposable {
  readonly proxy: Proxy
  readonly #etcd: EtcdCluster
  #member: EtcdMember | undefined

  private constructor(etcd: EtcdCluster, member: EtcdMember, proxy: Proxy) {
    this.#etcd = etcd
    this.#member = member
    this.proxy = proxy
  }

  static async start(etcd: EtcdCluster): Promise<Learner> {
    const member = await addLearner(etcd)
    return new Learner(etcd, member, await startProxy(member.endpoint))
  }

  async leave(): Promise<void> {
    const member = this.#member
    this.#member = undefined
    await member?.remove()
  }

  async join(): Promise<void> {
    const member = (this.#member = await addLearner(this.#etcd))
    this.proxy.retarget(member.endpoint)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close()
    await this.leave()
  }
}

async function addLearner(etcd: EtcdCluster): Promise<EtcdMember> {
  const member = await etcd.addLearner()
  // In a campaign, `members` are the voting members only.
  etcd.members.pop()
  return member
}
