// Usage: npm run campaign -- [--source etcd|kubernetes] [--minutes N] [--seed N]
// Runs a campaign against each etcd image of ETCD_IMAGE. Without a seed, it takes a random one. The source kubernetes
// needs a kube-apiserver: the path or image in KUBE_APISERVER, or the one that test/engine/kube-apiserver.sh finds.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runCampaign } from './campaign.ts'
import { Violation } from './report/report.ts'
import { formatSummary } from './report/summary.ts'

const { values } = parseArgs({
  options: { source: { type: 'string' }, minutes: { type: 'string' }, seed: { type: 'string' } },
})
const { source = 'etcd' } = values
if (source !== 'etcd' && source !== 'kubernetes') throw new Error(`--source is "etcd" or "kubernetes", not "${source}"`)
if (source === 'kubernetes') process.env['KUBE_APISERVER'] ||= findKubeApiserver()
const minutes = Number(values.minutes ?? 10)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const flags = `--source ${source} --minutes ${minutes} --seed ${seed}`

for (const image of (process.env['ETCD_IMAGE'] ?? '').trim().split(/[\s,]+/)) {
  console.log(`Running for ${minutes} minutes against ${image} with source ${source} and seed ${seed}. To repeat:`)
  console.log(`ETCD_IMAGE=${image} npm run campaign -- ${flags}`)
  try {
    const summary = await runCampaign({ source, minutes, seed, image })
    console.log(formatSummary(summary))
    console.log(JSON.stringify({ image, source, ...summary }))
  } catch (error) {
    console.error(
      `Failed (${image}, source ${source}, seed ${seed}):`,
      error instanceof Violation ? error.message : error,
    )
    process.exitCode = 1
  }
}

/** Returns the path of a kube-apiserver, which is built if there is none, or the name of its image. */
function findKubeApiserver(): string {
  const script = fileURLToPath(new URL('../test/engine/kube-apiserver.sh', import.meta.url))
  return execFileSync('sh', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}
