/** The size of each scenario in a full run. */
const full = {
  coldStart: { rounds: 40 },
  tlsColdStart: { rounds: 40 },
  wake: { rounds: 8, perRound: 5 },
  herd: { rounds: 10, waiters: 200 },
  byAddresses: { rounds: 15, sizes: [1, 10, 100, 1000, 10_000] },
  byWaiters: { rounds: 5, sizes: [1, 10, 100, 1000] },
  throughput: { writes: 10_000 },
  inputs: { clients: 500 },
  recovery: { rounds: 6, perRound: 2, awayMs: 30_000 },
  reopen: { rounds: 3, perRound: 14, awayMs: 30_000 },
  waiting: { periodMs: 60_000 },
  outage: { periodMs: 180_000 },
  memory: { waiters: 200, durationMs: 600_000 },
  kubernetesColdStart: { rounds: 40 },
  kubernetesWake: { rounds: 40 },
  kubernetesHandles: { calls: 1000 },
  kubernetesInputs: { clients: 300 },
  kubernetesRecovery: { rounds: 3, perRound: 8, awayMs: 30_000 },
  kubernetesWaiting: { periodMs: 60_000 },
  kubernetesMemory: { waiters: 200, durationMs: 600_000 },
  soak: { intervals: 30, intervalMs: 60_000 },
}

export type Settings = Readonly<typeof full>

/** The size of each scenario with `--quick`: together about five minutes. */
const quick: Settings = {
  coldStart: { rounds: 8 },
  tlsColdStart: { rounds: 8 },
  wake: { rounds: 1, perRound: 6 },
  herd: { rounds: 1, waiters: 200 },
  byAddresses: { rounds: 3, sizes: [1, 10_000] },
  byWaiters: { rounds: 1, sizes: [1, 100] },
  throughput: { writes: 10_000 },
  inputs: { clients: 200 },
  recovery: { rounds: 1, perRound: 1, awayMs: 5000 },
  reopen: { rounds: 1, perRound: 2, awayMs: 5000 },
  waiting: { periodMs: 20_000 },
  outage: { periodMs: 20_000 },
  memory: { waiters: 200, durationMs: 20_000 },
  kubernetesColdStart: { rounds: 8 },
  kubernetesWake: { rounds: 6 },
  kubernetesHandles: { calls: 200 },
  kubernetesInputs: { clients: 100 },
  kubernetesRecovery: { rounds: 1, perRound: 2, awayMs: 5000 },
  kubernetesWaiting: { periodMs: 20_000 },
  kubernetesMemory: { waiters: 200, durationMs: 20_000 },
  soak: { intervals: 7, intervalMs: 3000 },
}

export const settingsOf = (run: { readonly quick: boolean }): Settings => (run.quick ? quick : full)
