import { expect, test } from 'vitest'
import { campaign } from '../campaign/campaign.ts'
import { describe } from '../campaign/summary.ts'

const minutes = Number(process.env['CAMPAIGN_MINUTES'])
const seed = Number(process.env['CAMPAIGN_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test(
  `what callers are told through ${minutes} minutes of faults is true (CAMPAIGN_SEED=${seed})`,
  { timeout: (minutes + 5) * 60_000 },
  async () => {
    const summary = await campaign({ seed, minutes })
    console.log(describe(summary))
    expect(summary.rounds).toBeGreaterThan(0)
    expect(summary.changes).toBeGreaterThan(0)
  },
)
