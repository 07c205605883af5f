import type { KubernetesInputs } from '../simulation/kubernetes-inputs.ts'
import { restart, simulateRestart } from '../simulation/restart.ts'
import { restartStrategies } from '../simulation/strategies.ts'
import type { Strategy } from '../simulation/strategies.ts'
import { grouped, table, threeDigits } from './markdown.ts'

const reportedSizes = [1000, 10_000, 100_000]
const restarting = [restart.apiservers, 1]

const columns = [
  'nodes',
  'restart',
  'strategy',
  'connects/s',
  'per node',
  'requests/s',
  'load %',
  'half, ms',
  'last, ms',
]

/** Returns the part of the report with the simulation of restarts of apiservers, and of watches that are left alone. */
export function restarts(inputs: KubernetesInputs, sizes: readonly number[] = reportedSizes): string {
  const rows = sizes.flatMap((nodes) =>
    restarting.flatMap((count) => restartStrategies.map((strategy) => row(nodes, count, strategy, inputs))),
  )
  return [
    '## Simulation of many nodes that watch three apiservers',
    assumptions(inputs),
    table(columns, rows, 3),
    quiet(sizes.at(-1)!, inputs),
  ].join('\n\n')
}

function row(nodes: number, count: number, strategy: Strategy, inputs: KubernetesInputs): string[] {
  const outcome = simulateRestart({ nodes, restarting: count, ...restart }, strategy, inputs)
  const figures = [
    outcome.peakConnectsPerSecond,
    outcome.connectsPerNode,
    outcome.peakRequestsPerSecond,
    outcome.peakLoad * 100,
    outcome.medianDelayMs,
    outcome.lastDelayMs,
  ]
  return [grouped(nodes), `${count} of ${restart.apiservers}`, strategy.name, ...figures.map(threeDigits)]
}

function assumptions({ connectUs, listUs, watchUs, eventUs, streamKb }: KubernetesInputs): string {
  return (
    'The nodes are spread evenly over the apiservers, and each watches one. What one client costs was measured on this ' +
    'machine, over mutual TLS, at the apiserver of the benchmark, which is written in JavaScript: the real one has other ' +
    `figures. CPU time: a connection ${threeDigits(connectUs)} µs, a list ${threeDigits(listUs)} µs, the start of a watch ` +
    `${threeDigits(watchUs)} µs, an event to one watch ${threeDigits(eventUs)} µs. Memory: a connection with a watch ` +
    `${threeDigits(streamKb)} KB.\n\n` +
    `The simulation assumes: within ${restart.spreadMs / 1000} s, the watches of the apiservers that restart end; these ` +
    `apiservers refuse connections for ${restart.awayMs / 1000} s; a node connects to any apiserver that can be reached, ` +
    'lists, and watches; an apiserver has one processor, one queue, no other work and no limit of requests in flight; the ' +
    `network takes no time; an attempt is given up after ${restart.attemptTimeoutMs / 1000} s, which costs the apiserver ` +
    'nothing; the backoff without jitter is 1 s, doubled up to 30 s.\n\n' +
    '`connects/s` is the busiest second at all apiservers together, with the connections that are refused, which cost an apiserver nothing; `requests/s` ' +
    'and `load` are those of one apiserver. `half` and `last` are the times until half of the nodes that have lost their ' +
    'watch, and the last one, watch again, from the moment when an apiserver can be reached.'
  )
}

/** A node lists every 60 to 90 s, starts its watch again after 300 to 600 s, and sends a ping every 10 s. */
const [listsEverySeconds, watchesEverySeconds, pingsEverySeconds] = [75, 450, 10]

/** Returns the sentence about the load of watches while nothing happens. */
function quiet(nodes: number, { listUs, watchUs, eventUs, streamKb }: KubernetesInputs): string {
  const onEach = nodes / restart.apiservers
  const [lists, watches, pings] = [listsEverySeconds, watchesEverySeconds, pingsEverySeconds].map((s) => onEach / s)
  const load = (lists! * listUs + watches! * watchUs) / 1e6
  return (
    `While nothing happens, ${grouped(nodes)} nodes send each of the three apiservers ${threeDigits(lists)} lists, ` +
    `${threeDigits(watches)} watches and ${threeDigits(pings)} pings per second: lists and watches are ` +
    `${threeDigits(load * 100)} % of one processor. Their watches need ${threeDigits((onEach * streamKb) / 1024 / 1024)} GB ` +
    `of memory at each, and a change reaches the last node after ${threeDigits((onEach * eventUs) / 1000)} ms.`
  )
}
