// Usage: npm run campaign -- [--minutes N] [--seed N]
// Runs a campaign against each etcd image of ETCD_IMAGE. Without a seed, it takes a random one.
import { parseArgs } from 'node:util'
import { runCampaign } from './campaign.ts'
import { Violation } from './report/report.ts'
import { formatSummary } from './report/summary.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes ?? 10)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))

for (const image of (process.env['ETCD_IMAGE'] ?? '').trim().split(/[\s,]+/)) {
  console.log(`Running for ${minutes} minutes against ${image} with seed ${seed}. To repeat:`)
  console.log(`ETCD_IMAGE=${image} npm run campaign -- --minutes ${minutes} --seed ${seed}`)
  try {
    const summary = await runCampaign({ minutes, seed, image })
    console.log(formatSummary(summary))
    console.log(JSON.stringify({ image, ...summary }))
  } catch (error) {
    console.error(`Failed (${image}, seed ${seed}):`, error instanceof Violation ? error.message : error)
    process.exitCode = 1
  }
}
