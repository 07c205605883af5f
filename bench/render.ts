// usage: node bench/render.ts
// Writes the report of the stored results again, without a measurement: after a change of its text or of the simulation.
import { readFileSync } from 'node:fs'
import { writeReport } from './report/write.ts'
import type { Results } from './results.ts'

const results = JSON.parse(readFileSync(new URL('results/results.json', import.meta.url), 'utf8')) as Results
for (const file of await writeReport(results)) console.error(`wrote ${file}`)
