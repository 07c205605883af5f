// npm run campaign -- [--minutes N] [--seed N]: a campaign against each of the etcd images in ETCD_IMAGE, in turn.
import { parseArgs } from 'node:util'
import { campaign } from './campaign.ts'
import { Violation } from './journal.ts'
import { describe } from './summary.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes ?? 10)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))

for (const image of (process.env['ETCD_IMAGE'] ?? '').trim().split(/[\s,]+/)) {
  console.log(`${minutes} minutes against ${image}; again: npm run campaign -- --minutes ${minutes} --seed ${seed}`)
  try {
    const summary = await campaign({ minutes, seed, image })
    console.log(describe(summary))
    console.log(JSON.stringify({ image, ...summary }))
  } catch (error) {
    console.error(`--seed ${seed}, ${image}:`, error instanceof Violation ? error.message : error)
    process.exitCode = 1
  }
}
