import { expect, test } from 'vitest'
import { campaign } from '../campaign/campaign.ts'
import { describe } from '../campaign/summary.ts'

/** Those that have once found something: see "Fault campaign" in CONTRIBUTING.md. */
const seeds: readonly number[] = []
const minutes = Number(process.env['CAMPAIGN_MINUTES'])
const chosen = Number(process.env['CAMPAIGN_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test.each([...seeds, chosen])(
  `what callers are told through ${minutes} minutes of faults is true (CAMPAIGN_SEED=%d)`,
  { timeout: (minutes + 3) * 60_000 },
  async (seed) => {
    const summary = await campaign({ seed, minutes: minutes / (seeds.length + 1) })
    console.log(describe(summary))
    expect(summary.rounds).toBeGreaterThan(0)
    expect(summary.changes).toBeGreaterThan(0)
  },
)
