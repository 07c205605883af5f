import { expect, test } from 'vitest'
import { runCampaign } from '../../robustness/campaign.ts'
import { formatSummary } from '../../robustness/report/summary.ts'
import { generousLimits } from '../../robustness/validate/limits.ts'

/** One seed for each etcd version: each has found a bug once. Random seeds belong to the nightly workflow. */
const seeds: Readonly<Record<string, number>> = { '3.4': 41, '3.5': 101, '3.6': 303 }
const [, version = ''] = /:v?(\d+\.\d+)\./.exec(process.env['ETCD_IMAGE'] ?? '') ?? []
const seed = Number(process.env['CAMPAIGN_SEED'] ?? seeds[version] ?? 41)
const minutes = Number(process.env['CAMPAIGN_MINUTES'])

test(
  `resolve and watch agree with etcd's history during faults (CAMPAIGN_SEED=${seed})`,
  { timeout: (minutes + 15) * 60_000 },
  async () => {
    const summary = await runCampaign({ seed, minutes, limits: generousLimits })
    console.log(formatSummary(summary))
    expect(summary.rounds).toBeGreaterThan(0)
    expect(summary.changes).toBeGreaterThan(0)
  },
)
