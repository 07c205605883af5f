import { boot, largest, simulate, strategies } from './simulation.ts'
import type { Inputs, Outcome } from './simulation.ts'
import { table, tidy } from './stats.ts'

const sizes = [100, 1000, 3000, 10_000, 30_000, 100_000]
const ours = strategies.at(-1)!

/** The simulation, told with its assumptions, and from what size on something should stand in between. */
export function scaleReport(inputs: Inputs): string {
  const rows = sizes.flatMap((nodes) =>
    strategies.map((strategy) => {
      const {
        lastKnowsMs,
        meanLoad,
        meanReadsPerSecond,
        medianKnowsMs,
        openStreams,
        peakLoad,
        peakReadsPerSecond,
        streamsMb,
      } = simulate({ nodes, ...boot }, strategy, inputs)
      return [
        nodes.toLocaleString('en'),
        strategy.name,
        ...[
          peakReadsPerSecond,
          meanReadsPerSecond,
          peakLoad * 100,
          meanLoad * 100,
          openStreams,
          streamsMb,
          medianKnowsMs,
          lastKnowsMs,
        ].map(tidy),
      ]
    }),
  )
  return [
    '## Scale, on paper',
    `A simulation of nodes that boot at once and wait for the key in one etcd. Measured on this machine, over mutual TLS, in ` +
      `processor time of etcd: a read ${tidy(inputs.readUs)} µs, a connection ${tidy(inputs.connectUs)} µs, the start of a watch ` +
      `${tidy(inputs.watchUs)} µs, an event to one watch ${tidy(inputs.eventUs)} µs; a connection with a watch takes ` +
      `${tidy(inputs.streamKb)} KB of its memory. Assumed: the nodes start within ${boot.spreadMs / 1000} s; etcd answers ` +
      `from second ${boot.etcdAtMs / 1000} on and has one processor, one queue and nothing else to do; the key is written at second ` +
      `${boot.keyAtMs / 1000}; the network takes no time; a read is given up after ${boot.attemptTimeoutMs / 1000} s, at no cost to ` +
      `etcd; the backoff without jitter is 1 s, doubled up to 30 s. Work is what comes in during a second, in % of what the processor can do in it.`,
    table(
      [
        'nodes',
        '',
        'reads/s, peak',
        'mean',
        'load %, peak',
        'mean',
        'streams',
        'their MB',
        'half know, ms',
        'last knows, ms',
      ],
      rows,
    ),
    advice(inputs),
  ].join('\n\n')
}

/** Beyond this, etcd should not serve the nodes alone. */
const acceptable = ({ lastKnowsMs, streamsMb }: Outcome) => lastKnowsMs <= 1000 && streamsMb <= 1024

/** The sentence for people who plan. */
export function advice(inputs: Inputs): string {
  const fine = Array.from({ length: 61 }, (_, i) => Math.round(100 * 10 ** (i / 20)))
  const most = largest(fine, (nodes) => acceptable(simulate({ nodes, ...boot }, ours, inputs)))
  if (most === undefined) return 'Put a proxy in between.'
  const plain = Math.floor(most / 10 ** Math.floor(Math.log10(most))) * 10 ** Math.floor(Math.log10(most))
  return (
    `Up to about ${plain.toLocaleString('en')} waiting nodes an etcd with one processor to spare takes less than 1 GB for their watches, ` +
    'and the last node knows within a second of the write. Beyond, put `etcd grpc-proxy` in between, which makes one watch ' +
    'of all those for the same key.'
  )
}
