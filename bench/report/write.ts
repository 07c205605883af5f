import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import type { Results } from '../results.ts'
import { drawWake } from './chart.ts'
import { renderReport } from './report.ts'

const folder = new URL('../results/', import.meta.url)

/** Writes the results, the chart and the report to `bench/results`. Returns the names of the files. */
export async function writeReport(results: Results): Promise<string[]> {
  const name = results.quick ? 'quick' : 'results'
  // The report is made of what is stored, so that `render.ts` gives the same figures.
  const json = JSON.stringify(results, (_key, value) => rounded(value))
  const stored = JSON.parse(json) as Results
  const { wake } = stored.measured
  const files = {
    [`${name}.json`]: await formatted(`${name}.json`, json),
    ...(wake !== undefined && { [`${name}.svg`]: drawWake(wake) }),
    [`${name}.md`]: await formatted(`${name}.md`, renderReport(stored, `${name}.svg`)),
  }
  await mkdir(folder, { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(new URL(file, folder), text)
  return Object.keys(files).map((file) => `bench/results/${file}`)
}

const rounded = (value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)

async function formatted(file: string, text: string): Promise<string> {
  const filepath = fileURLToPath(new URL(file, folder))
  return format(text, { ...(await resolveConfig(filepath)), filepath, proseWrap: 'always' })
}
