/** Who is measured. Each is a command with `--endpoints` and `--key`; see peers/peer.js for what it prints. */
export const peers = [
  { id: 'k3s-loop', name: "K3s's loop" },
  { id: 'etcd3-p-retry', name: 'etcd3 + p-retry' },
  { id: 'etcd3-poll', name: 'etcd3 every second' },
  { id: 'etcd3-watcher', name: "etcd3's watcher" },
  { id: 'floor', name: 'raw grpc-js (the floor)' },
  { id: 'this-package', name: 'this package' },
] as const

/** Measured beside them where all wait: the floor with the keepalive of this package, and what that costs. */
export const floorWithKeepalive = 'floor-keepalive'

export type PeerId = (typeof peers)[number]['id'] | typeof floorWithKeepalive
export const peerIds = peers.map(({ id }) => id)

/** One value a peer. */
export type ByPeer<T> = Partial<Record<PeerId, T>>
