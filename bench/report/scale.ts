import type { Inputs } from '../simulation/inputs.ts'
import { boot, simulate } from '../simulation/simulate.ts'
import type { Outcome } from '../simulation/simulate.ts'
import { strategies, thisPackage } from '../simulation/strategies.ts'
import type { Strategy } from '../simulation/strategies.ts'
import { grouped, table, threeDigits } from './markdown.ts'

const sizes = [100, 1000, 3000, 10_000, 30_000, 100_000]

const columns = [
  'nodes',
  'strategy',
  'max reads/s',
  'mean',
  'max load %',
  'mean',
  'streams',
  'MB',
  'half, ms',
  'last, ms',
]

/** Returns the part of the report with the simulation, what it assumes, and how many nodes one etcd can serve. */
export function scale(inputs: Inputs): string {
  const rows = sizes.flatMap((nodes) => strategies.map((strategy) => row(nodes, strategy, inputs)))
  return ['## Simulation of many nodes', assumptions(inputs), table(columns, rows, 2), advice(inputs)].join('\n\n')
}

function row(nodes: number, strategy: Strategy, inputs: Inputs): string[] {
  const outcome = simulate({ nodes, ...boot }, strategy, inputs)
  const figures = [
    outcome.peakReadsPerSecond,
    outcome.meanReadsPerSecond,
    outcome.peakLoad * 100,
    outcome.meanLoad * 100,
    outcome.openStreams,
    outcome.streamsMb,
    outcome.medianDelayMs,
    outcome.lastDelayMs,
  ]
  return [grouped(nodes), strategy.name, ...figures.map(threeDigits)]
}

function assumptions({ readUs, connectUs, watchUs, eventUs, streamKb }: Inputs): string {
  return (
    'All nodes boot at the same time and wait for the key at one etcd. What one client costs etcd was measured on this ' +
    `machine, over mutual TLS. CPU time: a read ${threeDigits(readUs)} µs, a connection ${threeDigits(connectUs)} µs, the ` +
    `start of a watch ${threeDigits(watchUs)} µs, an event to one watch ${threeDigits(eventUs)} µs. Memory: a connection ` +
    `with a watch ${threeDigits(streamKb)} KB.\n\n` +
    `The simulation assumes: the nodes start within ${boot.spreadMs / 1000} s; etcd answers from second ` +
    `${boot.etcdAtMs / 1000} on and has one processor, one queue and no other work; the key is written at second ` +
    `${boot.keyAtMs / 1000}; the network takes no time; a read is given up after ${boot.attemptTimeoutMs / 1000} s, which ` +
    'costs etcd nothing; the backoff without jitter is 1 s, doubled up to 30 s.\n\n' +
    '`load` is the work that arrives in one second, in percent of what the processor can do in one second. `half` and ' +
    '`last` are the times from the write until half of the nodes, and the last node, have the list.'
  )
}

const maxDelayMs = 1000
const maxStreamsMb = 1024

const acceptable = ({ lastDelayMs, streamsMb }: Outcome) => lastDelayMs <= maxDelayMs && streamsMb <= maxStreamsMb

/** Returns the sentence that says how many waiting nodes one etcd can serve, rounded down to one digit. */
export function advice(inputs: Inputs): string {
  const candidates = Array.from({ length: 61 }, (_, i) => Math.round(100 * 10 ** (i / 20)))
  const most = largest(candidates, (nodes) => acceptable(simulate({ nodes, ...boot }, thisPackage, inputs)))
  if (most === undefined) return 'Put `etcd grpc-proxy` in front of etcd.'
  const magnitude = 10 ** Math.floor(Math.log10(most))
  return (
    `Up to about ${grouped(Math.floor(most / magnitude) * magnitude)} waiting nodes, an etcd with one spare processor needs ` +
    'less than 1 GB of memory for their watches, and the last node has the list within a second of the write. For more ' +
    'nodes, put `etcd grpc-proxy` in front of etcd: it combines all watches of the same key into one.'
  )
}

/** Returns the largest of the sizes for which the size itself and all smaller ones are acceptable. */
export function largest(ascending: readonly number[], isAcceptable: (size: number) => boolean): number | undefined {
  const index = ascending.findIndex((size) => !isAcceptable(size))
  return index === -1 ? ascending.at(-1) : ascending[index - 1]
}
