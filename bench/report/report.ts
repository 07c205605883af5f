import type { Results } from '../results.ts'
import { checkTargets } from '../targets.ts'
import { coldStarts } from './cold-start.ts'
import { comparison } from './comparison.ts'
import { growth } from './growth.ts'
import { kubernetes } from './kubernetes.ts'
import { table, threeDigits } from './markdown.ts'
import { restarts } from './restart.ts'
import { scale } from './scale.ts'
import { soakSection } from './soak.ts'

/** Returns the report as Markdown. `chart` is the name of the file with the chart of `wake`. */
export function renderReport(results: Results, chart: string): string {
  const { measured } = results
  return [
    '# Report of the benchmark',
    introduction(results),
    comparison(results, chart),
    targetTable(results),
    coldStarts(measured),
    growth(measured),
    measured.inputs && scale(measured.inputs),
    kubernetes(results),
    measured.kubernetesInputs && restarts(measured.kubernetesInputs),
    measured.soak && soakSection(measured.soak),
  ]
    .filter(Boolean)
    .join('\n\n')
}

function introduction({ date, machine, minutes, quick, versions }: Results): string {
  return (
    `Written by \`npm run bench${quick ? ' -- --quick' : ''}\` on ${date}, after ${minutes.toFixed(0)} minutes of ` +
    `measurements on ${machine}, with ${versions.join(', ')}.\n\n` +
    'All times are in milliseconds, unless a unit is given. [README.md](../README.md) says how each figure is measured.'
  )
}

function targetTable(results: Results): string {
  const rows = checkTargets(results).map(({ what, figure, limit, unit }) => [
    what,
    `${threeDigits(figure)}${unit}`,
    `${threeDigits(limit)}${unit}`,
    figure <= limit ? 'yes' : '**no**',
  ])
  return ['## Targets', table(['', 'measured', 'at most', 'met'], rows)].join('\n\n')
}
