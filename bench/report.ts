import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { peerIds, peers } from './baselines.ts'
import type { ByPeer, PeerId } from './baselines.ts'
import { drawWake } from './chart.ts'
import { periodsMs } from './results.ts'
import type { Results } from './results.ts'
import { scaleReport } from './scale.ts'
import { median, quantile, table, tidy } from './stats.ts'
import { promises } from './targets.ts'

/** Writes the table, the picture and the samples to bench/results, and gives the names of the files. */
export async function writeReport(results: Results): Promise<string[]> {
  const name = results.quick ? 'quick' : 'results'
  const folder = new URL('results/', import.meta.url)
  await mkdir(folder, { recursive: true })
  const files: string[] = []
  const write = async (file: string, text: string) => {
    const path = fileURLToPath(new URL(file, folder))
    const formatted = file.endsWith('.svg')
      ? text
      : await format(text, { ...(await resolveConfig(path)), filepath: path })
    await writeFile(path, formatted)
    files.push(`bench/results/${file}`)
  }
  await write(
    `${name}.json`,
    JSON.stringify(results, (_key, value: unknown) => (typeof value === 'number' ? round(value) : value)),
  )
  if (results.measured.wake !== undefined) await write(`${name}.svg`, drawWake(results.measured.wake))
  await write(`${name}.md`, describe(results, `${name}.svg`))
  return files
}

const round = (value: number) => Number(value.toPrecision(5))

/** The report, as Markdown. */
export function describe(results: Results, picture: string): string {
  const { date, machine, minutes, quick, versions } = results
  return [
    '# The benchmark',
    `Written by \`npm run bench${quick ? ' -- --quick' : ''}\` on ${date} in ${minutes.toFixed(0)} minutes, on ${machine}: ${versions.join(', ')}. ` +
      'Milliseconds, unless it says otherwise. bench/README.md tells how each figure is taken.',
    '## Against what people would use instead',
    comparison(results),
    results.measured.wake === undefined ? '' : `![How long after a write a waiting process knows](${picture})`,
    '## What was promised',
    table(
      ['', 'figure', 'at most', 'holds'],
      promises(results).map(({ what, figure, limit, unit }) => [
        what,
        `${tidy(figure)}${unit}`,
        `${limit}${unit}`,
        figure <= limit ? 'yes' : '**no**',
      ]),
    ),
    coldStarts(results),
    growth(results),
    results.measured.inputs === undefined ? '' : scaleReport(results.measured.inputs),
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** One row a figure, one column a peer, and this package's ratio to the floor and to K3s's loop. */
function comparison({ measured, quick }: Results): string {
  const { herd, outage, recovery, reopen, waiting, wake } = measured
  const periods = periodsMs[quick ? 'quick' : 'full']
  const perMinute = (value: number | undefined, periodMs: number) =>
    value === undefined ? undefined : (value * 60_000) / periodMs
  const rows: [string, (id: PeerId) => number | undefined][] = []
  const latencies = (name: string, samples: ByPeer<number[]> | undefined) => {
    if (samples === undefined) return
    const of = (share: number) => (id: PeerId) => samples[id] && quantile(samples[id], share)
    rows.push([`${name}, median`, of(0.5)], [`${name}, p90`, of(0.9)])
  }
  latencies('wake: write to known', wake)
  if (herd !== undefined) {
    rows.push(['200 waiters: median', (id) => herd[id] && median(herd[id].medianMs)])
    rows.push(['200 waiters: last', (id) => herd[id] && median(herd[id].lastMs)])
    rows.push(["200 waiters: etcd's CPU", (id) => herd[id] && median(herd[id].etcdCpuMs)])
  }
  if (waiting !== undefined) {
    for (const [index, which] of ['first', 'second'].entries()) {
      rows.push([`waiting, ${which} minute: RPCs`, (id) => perMinute(waiting[id]?.[index]?.rpcs, periods.waiting)])
      rows.push([`waiting, ${which} minute: bytes`, (id) => perMinute(waiting[id]?.[index]?.bytes, periods.waiting)])
      rows.push([
        `waiting, ${which} minute: connects`,
        (id) => perMinute(waiting[id]?.[index]?.connects, periods.waiting),
      ])
      rows.push([`waiting, ${which} minute: CPU`, (id) => perMinute(waiting[id]?.[index]?.cpuMs, periods.waiting)])
    }
  }
  if (outage !== undefined) {
    rows.push(['outage: connects a minute', (id) => perMinute(outage[id]?.connects, periods.outage)])
    rows.push(['outage: CPU a minute', (id) => perMinute(outage[id]?.cpuMs, periods.outage)])
  }
  latencies('recovery: etcd boots', recovery)
  latencies('reopen: the port opens', reopen)

  return table(
    ['', ...peers.map(({ name }) => name), 'to the floor', "to K3s's loop"],
    rows.map(([name, value]) => {
      const ours = value('this-package')
      const to = (id: PeerId) => ratio(ours, value(id))
      return [name, ...peerIds.map((id) => tidy(value(id))), to('floor'), to('k3s-loop')]
    }),
  )
}

function coldStarts({ measured: { coldStart } }: Results): string {
  if (coldStart === undefined) return ''
  const base = median(coldStart['bare etcd3'].knownMs)
  const rows = Object.entries(coldStart).map(([name, { cpuMs, exitMs, knownMs, peakMb }]) => {
    const known = median(knownMs)
    return [
      name,
      tidy(known),
      tidy(quantile(knownMs, 0.9)),
      tidy(median(exitMs)),
      tidy(cpuMs),
      tidy(peakMb),
      ratio(known, base),
    ]
  })
  return [
    '## From the start of a process to its answer',
    table(['', 'known, median', 'p90', 'ended', 'CPU', 'peak memory, MB', 'to bare etcd3'], rows),
  ].join('\n\n')
}

function growth({ measured: { byAddresses, byWaiters, memory, throughput } }: Results): string {
  const parts = ['## As it grows']
  if (byAddresses !== undefined) {
    const rows = byAddresses.map(({ floorMs, jsonMs, oursMs, size, validationMs }) =>
      [size, oursMs, floorMs, validationMs, jsonMs].map(tidy),
    )
    parts.push(table(['addresses', 'wake', "the floor's", 'validation', 'JSON.parse alone'], rows))
  }
  if (byWaiters !== undefined) {
    const rows = byWaiters.map(({ floorMs, kbPerWaiter, oursMs, size }) =>
      [size, oursMs, floorMs, kbPerWaiter].map(tidy),
    )
    parts.push(table(['waiters in one process', 'wake, the last', "the floor's", 'KB a waiter'], rows))
  }
  if (memory !== undefined) {
    const { durationMs, heapMb, rssMb, waiters } = memory
    const course = (samples: number[]) => samples.map((value) => value.toFixed(1)).join(', ')
    parts.push(
      `${waiters} waiters in one process for ${tidy(durationMs / 60_000)} minutes, eleven samples after a garbage collection: ` +
        `heap ${course(heapMb)} MB; resident ${course(rssMb)} MB.`,
    )
  }
  if (throughput !== undefined) {
    const { behindMs, heapBeforeMb, heapPeakMb, lastIsRight, writes, writesPerSecond, yields } = throughput
    parts.push(
      `${writes} writes at ${tidy(writesPerSecond)} a second, and a reader of the watch who takes 50 ms for each list: he is ` +
        `given ${yields} lists, the last one ${lastIsRight ? `is the last one written, ${tidy(behindMs)} ms after that write` : '**is not the last one written**'}; ` +
        `his heap is ${tidy(heapBeforeMb)} MB before the writes and ${tidy(heapPeakMb)} MB at most.`,
    )
  }
  return parts.length === 1 ? '' : parts.join('\n\n')
}

function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined || base === 0 ? '' : `${tidy(value / base)} ×`
}
