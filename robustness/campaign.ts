import { startEtcd } from '../test/support/etcd.ts'
import { startProxy } from '../test/support/net.ts'
import { KeyClient } from './client/key.ts'
import { Learner } from './failpoint/learner.ts'
import { WallClock } from './failpoint/wall-clock.ts'
import { History } from './model/history.ts'
import { EventLoopDelay } from './report/event-loop-delay.ts'
import { Report, Violation } from './report/report.ts'
import type { Summary } from './report/summary.ts'
import { Rounds } from './rounds.ts'
import { strictLimits } from './validate/limits.ts'
import type { Limits } from './validate/limits.ts'

export interface CampaignOptions {
  readonly minutes: number
  /** The plan of all faults, writes, calls and watches follows from the seed. */
  readonly seed: number
  /** The container image of etcd. @default the value of `ETCD_IMAGE` */
  readonly image?: string
  /** @default strictLimits */
  readonly limits?: Limits
}

/**
 * Runs a campaign: it injects faults into a real etcd, its connections and this process, and validates every call and
 * watch against etcd's own history.
 *
 * @throws Violation with the first rule that was broken
 */
export async function runCampaign(options: CampaignOptions): Promise<Summary> {
  const { seed, minutes, image, limits = strictLimits } = options
  using report = new Report(`seed-${seed}`)
  const onRejection = (reason: unknown) => report.violate('process', `unhandled rejection: ${String(reason)}`)
  process.on('unhandledRejection', onRejection)
  try {
    await using etcd = await startEtcd({ members: 3, ...(image !== undefined && { image }) })
    await using learner = await Learner.start(etcd)
    const proxies = [...(await Promise.all(etcd.endpoints.map((endpoint) => startProxy(endpoint)))), learner.proxy]
    using wallClock = new WallClock()
    using eventLoopDelay = new EventLoopDelay()
    const history = new History()
    const keyClient = new KeyClient(etcd, history, report)
    try {
      const environment = { etcd, learner, proxies, keyClient, wallClock, report }
      const rounds = new Rounds(environment, { seed, history, eventLoopDelay, limits })
      const summary = await rounds.run(minutes)
      report.discard()
      return summary
    } catch (error) {
      for (const member of etcd.members) {
        report.record(member.name, 'log', { end: (await member.logs()).slice(-20_000) })
      }
      throw error instanceof Violation
        ? error
        : new Error(`the campaign failed; report: ${report.file}`, { cause: error })
    } finally {
      for (const proxy of proxies) await proxy.close()
    }
  } finally {
    process.off('unhandledRejection', onRejection)
  }
}
