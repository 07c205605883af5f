import type { Measured } from '../results.ts'
import { grouped, table, threeDigits } from './markdown.ts'

/** Returns the part of the report about long lists, many waiters and many writes. */
export function growth(measured: Measured): string {
  const parts = [byAddresses(measured), byWaiters(measured), memory(measured), throughput(measured)].filter(Boolean)
  return parts.length === 0 ? '' : ['## Long lists, many waiters, many writes', ...parts].join('\n\n')
}

function byAddresses({ byAddresses: rows }: Measured): string {
  if (rows === undefined) return ''
  return table(
    ['addresses', 'wake', 'wake, raw grpc-js', 'validation', 'JSON.parse alone'],
    rows.map(({ size, packageMs, rawGrpcJsMs, validationMs, jsonMs }) =>
      [size, packageMs, rawGrpcJsMs, validationMs, jsonMs].map(threeDigits),
    ),
  )
}

function byWaiters({ byWaiters: rows }: Measured): string {
  if (rows === undefined) return ''
  return table(
    ['waiters in one process', 'wake, last waiter', 'the same, raw grpc-js', 'KB per waiter'],
    rows.map(({ size, packageMs, rawGrpcJsMs, kbPerWaiter }) =>
      [size, packageMs, rawGrpcJsMs, kbPerWaiter].map(threeDigits),
    ),
  )
}

function memory({ memory: samples }: Measured): string {
  if (samples === undefined) return ''
  const { durationMs, heapMb, rssMb, waiters } = samples
  const series = (values: number[]) => values.map((value) => value.toFixed(1)).join(', ')
  return (
    `Memory of ${waiters} waiters in one process during ${threeDigits(durationMs / 60_000)} minutes, in eleven samples, ` +
    `each after a garbage collection. Heap: ${series(heapMb)} MB. Resident: ${series(rssMb)} MB.`
  )
}

function throughput({ throughput: outcome }: Measured): string {
  if (outcome === undefined) return ''
  const { delayMs, heapBeforeMb, heapPeakMb, lastIsCurrent, lists, writes, writesPerSecond } = outcome
  const last = lastIsCurrent
    ? `The last one is the last one written, ${threeDigits(delayMs)} ms after that write.`
    : '**The last one is not the last one written.**'
  return (
    `${grouped(writes)} writes at ${threeDigits(writesPerSecond)} per second, while a reader of the watch takes 50 ms for ` +
    `each list: the reader receives ${lists} lists. ${last} The heap of the reader is ${threeDigits(heapBeforeMb)} MB ` +
    `before the writes and ${threeDigits(heapPeakMb)} MB at most.`
  )
}
