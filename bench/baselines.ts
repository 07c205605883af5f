/** The programs that are compared at etcd, this package included. Each is a file of the folder `baselines`. */
export const baselines = [
  { id: 'k3s-loop', name: "K3s's loop" },
  { id: 'etcd3-p-retry', name: 'etcd3 + p-retry' },
  { id: 'etcd3-poll', name: 'etcd3 every second' },
  { id: 'etcd3-watcher', name: "etcd3's watcher" },
  { id: 'raw-grpc-js', name: 'raw grpc-js' },
  { id: 'this-package', name: 'this package' },
] as const

/** Raw grpc-js with the keepalive of this package. Measured only in `waiting`, to see what the keepalive costs. */
export const rawGrpcJsWithKeepalive = 'raw-grpc-js-keepalive'

/** The programs that are compared at an apiserver. */
export const kubernetesBaselines = [
  { id: 'raw-http2', name: 'raw node:http2' },
  { id: 'this-package', name: 'this package' },
] as const

export type BaselineId =
  (typeof baselines)[number]['id'] | (typeof kubernetesBaselines)[number]['id'] | typeof rawGrpcJsWithKeepalive
export const baselineIds = baselines.map(({ id }) => id)
export const kubernetesBaselineIds = kubernetesBaselines.map(({ id }) => id)

/** One value for each program that was measured. */
export type ByBaseline<T> = Partial<Record<BaselineId, T>>
