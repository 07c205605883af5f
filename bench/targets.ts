import { rawGrpcJsWithKeepalive } from './baselines.ts'
import type { BaselineId, ByBaseline } from './baselines.ts'
import type { Measured, Results } from './results.ts'
import type { Program } from './scenarios/cold-start.ts'
import type { KubernetesProgram } from './scenarios/kubernetes/cold-start.ts'
import { settingsOf } from './settings.ts'
import type { Settings } from './settings.ts'
import { soakTargets } from './soak-targets.ts'
import { median, quantile } from './stats.ts'

/** A figure that must not exceed a limit. */
export interface Target {
  readonly what: string
  readonly limit: number
  readonly unit: string
  /** Returns the figure, or `undefined` or NaN if it was not measured. */
  readonly figure: (measured: Measured, settings: Settings) => number | undefined
}

const targets: readonly Target[] = [
  {
    what: '`wake`: median / raw grpc-js',
    limit: 1.15,
    unit: ' ×',
    figure: ({ wake }) => delay(wake, 'this-package') / delay(wake, 'raw-grpc-js'),
  },
  {
    what: '`wake`: p90 / raw grpc-js',
    limit: 1.3,
    unit: ' ×',
    figure: ({ wake }) => delay(wake, 'this-package', 0.9) / delay(wake, 'raw-grpc-js', 0.9),
  },
  {
    what: "`wake`: median / K3s's loop",
    limit: 1 / 500,
    unit: ' ×',
    figure: ({ wake }) => delay(wake, 'this-package') / delay(wake, 'k3s-loop'),
  },
  {
    what: '`coldStart`: the library / bare etcd3',
    limit: 0.85,
    unit: ' ×',
    figure: (measured) => output(measured, 'this package, the library') / output(measured, 'bare etcd3'),
  },
  {
    what: '`coldStart`: the command / bare etcd3',
    limit: 0.85,
    unit: ' ×',
    figure: (measured) => output(measured, 'this package, the command') / output(measured, 'bare etcd3'),
  },
  {
    what: '`coldStart`: importing the package − an empty module',
    limit: 5,
    unit: ' ms',
    figure: (measured) => output(measured, 'importing this package') - output(measured, 'an empty module'),
  },
  {
    what: '`coldStart`: peak memory of the library',
    limit: 70,
    unit: ' MB',
    figure: ({ coldStart }) => coldStart?.['this package, the library'].peakMb,
  },
  {
    what: '`tlsColdStart`: the library / bare etcd3',
    limit: 0.85,
    unit: ' ×',
    figure: ({ tlsColdStart }) =>
      median(tlsColdStart?.['this package, the library'].outputMs ?? []) /
      median(tlsColdStart?.['bare etcd3'].outputMs ?? []),
  },
  {
    what: '`tlsColdStart`: peak memory of the library',
    limit: 70,
    unit: ' MB',
    figure: ({ tlsColdStart }) => tlsColdStart?.['this package, the library'].peakMb,
  },
  {
    what: '`waiting`: RPCs in the second minute',
    limit: 2,
    unit: '',
    figure: ({ waiting }, settings) =>
      waiting?.['this-package']?.[1] && perMinute(waiting['this-package'][1].rpcs, settings.waiting.periodMs),
  },
  {
    what: "`waiting`: RPCs in the second minute / K3s's loop",
    limit: 0.2,
    unit: ' ×',
    figure: ({ waiting }) => (waiting?.['this-package']?.[1]?.rpcs ?? NaN) / (waiting?.['k3s-loop']?.[1]?.rpcs ?? NaN),
  },
  {
    what: '`waiting`: CPU in both minutes / raw grpc-js',
    limit: 1.5,
    unit: ' ×',
    figure: (measured) => waitingCpu(measured, 'this-package') / waitingCpu(measured, 'raw-grpc-js'),
  },
  {
    what: '`waiting`: CPU in both minutes / raw grpc-js with the same keepalive',
    limit: 1.5,
    unit: ' ×',
    figure: (measured) => waitingCpu(measured, 'this-package') / waitingCpu(measured, rawGrpcJsWithKeepalive),
  },
  {
    what: '`outage`: connects per minute',
    limit: 45,
    unit: '',
    figure: ({ outage }, settings) =>
      outage?.['this-package'] && perMinute(outage['this-package'].connects, settings.outage.periodMs),
  },
  {
    what: '`outage`: CPU / etcd3 every second',
    limit: 1,
    unit: ' ×',
    figure: ({ outage }) => (outage?.['this-package']?.cpuMs ?? NaN) / (outage?.['etcd3-poll']?.cpuMs ?? NaN),
  },
  {
    what: '`recovery`: median − raw grpc-js',
    limit: 50,
    unit: ' ms',
    figure: ({ recovery }) => delay(recovery, 'this-package') - delay(recovery, 'raw-grpc-js'),
  },
  {
    what: '`recovery`: p90 − raw grpc-js',
    limit: 500,
    unit: ' ms',
    figure: ({ recovery }) => delay(recovery, 'this-package', 0.9) - delay(recovery, 'raw-grpc-js', 0.9),
  },
  { what: '`reopen`: median', limit: 750, unit: ' ms', figure: ({ reopen }) => delay(reopen, 'this-package') },
  { what: '`reopen`: p90', limit: 1700, unit: ' ms', figure: ({ reopen }) => delay(reopen, 'this-package', 0.9) },
  {
    what: '`herd`: last waiter / raw grpc-js',
    limit: 1.25,
    unit: ' ×',
    figure: ({ herd }) => median(herd?.['this-package']?.lastMs ?? []) / median(herd?.['raw-grpc-js']?.lastMs ?? []),
  },
  {
    what: 'validation of 10,000 addresses / `JSON.parse`',
    limit: 5,
    unit: ' ×',
    figure: ({ byAddresses }) => {
      const row = byAddresses?.find(({ size }) => size === 10_000)
      return row && row.validationMs / row.jsonMs
    },
  },
  {
    what: '`kubernetesWake`: median / raw node:http2',
    limit: 1.2,
    unit: ' ×',
    figure: ({ kubernetesWake }) => delay(kubernetesWake, 'this-package') / delay(kubernetesWake, 'raw-http2'),
  },
  {
    what: '`kubernetesColdStart`: the library / one raw request',
    limit: 1.3,
    unit: ' ×',
    figure: (measured) =>
      kubernetesOutput(measured, 'this package, the library') / kubernetesOutput(measured, 'one raw request'),
  },
  {
    what: '`kubernetesColdStart`: peak memory of the library',
    limit: 60,
    unit: ' MB',
    figure: ({ kubernetesColdStart }) => kubernetesColdStart?.['this package, the library'].peakMb,
  },
  {
    what: '`kubernetesHandles`: calls that leave an open handle',
    limit: 0,
    unit: '',
    figure: ({ kubernetesHandles }) => kubernetesHandles?.left,
  },
  {
    what: '`kubernetesWaiting`: requests in the second minute',
    limit: 2,
    unit: '',
    figure: ({ kubernetesWaiting: costs }, settings) =>
      costs?.['this-package']?.[1] && perMinute(costs['this-package'][1].requests, settings.kubernetesWaiting.periodMs),
  },
  {
    what: '`kubernetesRecovery`: median',
    limit: 750,
    unit: ' ms',
    figure: ({ kubernetesRecovery }) => delay(kubernetesRecovery, 'this-package'),
  },
  {
    what: '`kubernetesRecovery`: p90',
    limit: 1700,
    unit: ' ms',
    figure: ({ kubernetesRecovery }) => delay(kubernetesRecovery, 'this-package', 0.9),
  },
  ...soakTargets,
]

/** Returns the targets whose figures were measured, with these figures. */
export function checkTargets(results: Results): { what: string; figure: number; limit: number; unit: string }[] {
  const settings = settingsOf(results)
  return targets.flatMap(({ figure, ...target }) => {
    const value = figure(results.measured, settings)
    return value === undefined || Number.isNaN(value) ? [] : [{ ...target, figure: value }]
  })
}

const perMinute = (count: number, periodMs: number) => (count * 60_000) / periodMs

const delay = (samples: ByBaseline<number[]> | undefined, id: BaselineId, share = 0.5) =>
  quantile(samples?.[id] ?? [], share)

const output = ({ coldStart }: Measured, program: Program) => median(coldStart?.[program].outputMs ?? [])

const kubernetesOutput = ({ kubernetesColdStart }: Measured, program: KubernetesProgram) =>
  median(kubernetesColdStart?.[program].outputMs ?? [])

const waitingCpu = ({ waiting }: Measured, id: BaselineId) =>
  waiting?.[id]?.reduce((sum, { cpuMs }) => sum + cpuMs, 0) ?? NaN
