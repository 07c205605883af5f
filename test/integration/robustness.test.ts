import { expect, test } from 'vitest'
import { campaign } from '../../robustness/campaign.ts'
import { describe } from '../../robustness/summary.ts'

const minutes = Number(process.env['CAMPAIGN_MINUTES'])
/** Seeds that have once found something. Every other run takes one of them, and else a new one. */
const found = [41, 101, 102, 303, 402]
const random = (n: number) => Math.floor(Math.random() * n)
const chosen = random(2) === 0 ? found[random(found.length)] : random(2 ** 31)
const seed = Number(process.env['CAMPAIGN_SEED'] ?? chosen)

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
