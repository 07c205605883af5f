import type { SourceKind } from '../src/sources/source.ts'
import type { Environment } from './environment.ts'
import { EtcdEnvironment } from './etcd-environment.ts'
import { WallClock } from './failpoint/wall-clock.ts'
import { KubernetesEnvironment } from './kubernetes-environment.ts'
import { EventLoopDelay } from './report/event-loop-delay.ts'
import { Report, Violation } from './report/report.ts'
import type { Summary } from './report/summary.ts'
import { Rounds } from './rounds.ts'
import { strictLimits } from './validate/limits.ts'
import type { Limits } from './validate/limits.ts'

export interface CampaignOptions {
  /** Where the clients read the list. @default 'etcd' */
  readonly source?: SourceKind
  readonly minutes: number
  /** The plan of all faults, writes, calls and watches follows from the seed. */
  readonly seed: number
  /** The container image of etcd. @default the value of `ETCD_IMAGE` */
  readonly image?: string
  /** @default strictLimits */
  readonly limits?: Limits
}

/**
 * Runs a campaign: it injects faults into real servers, their connections and this process, and validates every call and
 * watch against etcd's own history.
 *
 * @throws Violation with the first rule that was broken
 */
export async function runCampaign(options: CampaignOptions): Promise<Summary> {
  const { source = 'etcd', seed, minutes, image, limits = strictLimits } = options
  using report = new Report(`seed-${seed}`)
  const onRejection = (reason: unknown) => report.violate('process', `unhandled rejection: ${String(reason)}`)
  process.on('unhandledRejection', onRejection)
  try {
    using wallClock = new WallClock()
    const common = { wallClock, report }
    await using environment: Environment =
      source === 'etcd' ? await EtcdEnvironment.start(image, common) : await KubernetesEnvironment.start(image, common)
    using eventLoopDelay = new EventLoopDelay()
    try {
      const rounds = new Rounds(environment, { seed, eventLoopDelay, limits })
      const summary = await rounds.run(minutes)
      report.discard()
      return summary
    } catch (error) {
      for (const [name, end] of Object.entries(await environment.logs())) report.record(name, 'log', { end })
      throw error instanceof Violation
        ? error
        : new Error(`the campaign failed; report: ${report.file}`, { cause: error })
    }
  } finally {
    process.off('unhandledRejection', onRejection)
  }
}
