import { expect, test } from 'vitest'
import { runCampaign } from '../../robustness/campaign.ts'
import { formatSummary } from '../../robustness/report/summary.ts'
import { generousLimits } from '../../robustness/validate/limits.ts'

const seed = Number(process.env['CAMPAIGN_SEED'] ?? 7)
const minutes = Number(process.env['CAMPAIGN_MINUTES'])

test(
  `resolve and watch agree with the EndpointSlices during faults (CAMPAIGN_SEED=${seed})`,
  { timeout: (minutes + 15) * 60_000 },
  async () => {
    const summary = await runCampaign({ source: 'kubernetes', seed, minutes, limits: generousLimits })
    console.log(formatSummary(summary))
    expect(summary.rounds).toBeGreaterThan(0)
    expect(summary.changes).toBeGreaterThan(0)
  },
)
