import type { ByBaseline } from './baselines.ts'
import type { ColdStart, Program, TlsProgram } from './scenarios/cold-start.ts'
import type { ByAddresses, ByWaiters } from './scenarios/growth.ts'
import type { Herd } from './scenarios/herd.ts'
import type { Cost } from './scenarios/idle.ts'
import type { KubernetesProgram } from './scenarios/kubernetes/cold-start.ts'
import type { Handles } from './scenarios/kubernetes/handles.ts'
import type { KubernetesCost } from './scenarios/kubernetes/waiting.ts'
import type { Memory } from './scenarios/memory.ts'
import type { Soaks } from './scenarios/soak/soak.ts'
import type { Throughput } from './scenarios/throughput.ts'
import type { Inputs } from './simulation/inputs.ts'
import type { KubernetesInputs } from './simulation/kubernetes-inputs.ts'

/** What a run of the benchmark has measured, and where. Stored in `results/results.json`. */
export interface Results {
  readonly quick: boolean
  readonly date: string
  readonly machine: string
  readonly versions: readonly string[]
  readonly minutes: number
  readonly measured: Measured
}

/** The samples of each scenario. A scenario that `--only` has left out is absent. */
export interface Measured {
  readonly coldStart?: Record<Program, ColdStart>
  readonly tlsColdStart?: Record<TlsProgram, ColdStart>
  readonly wake?: ByBaseline<number[]>
  readonly herd?: ByBaseline<Herd>
  readonly byAddresses?: ByAddresses[]
  readonly byWaiters?: ByWaiters[]
  readonly throughput?: Throughput
  readonly inputs?: Inputs
  readonly recovery?: ByBaseline<number[]>
  readonly waiting?: ByBaseline<Cost[]>
  readonly outage?: ByBaseline<Cost>
  readonly reopen?: ByBaseline<number[]>
  readonly memory?: Memory
  readonly kubernetesColdStart?: Record<KubernetesProgram, ColdStart>
  readonly kubernetesWake?: ByBaseline<number[]>
  readonly kubernetesHandles?: Handles
  readonly kubernetesInputs?: KubernetesInputs
  readonly kubernetesRecovery?: ByBaseline<number[]>
  readonly kubernetesWaiting?: ByBaseline<KubernetesCost[]>
  readonly kubernetesMemory?: ByBaseline<Memory>
  readonly soak?: Soaks
}
