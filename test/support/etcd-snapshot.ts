import type { EtcdMember } from './etcd-member.ts'

/** A snapshot that `etcdctl snapshot save` has written. */
export interface SnapshotFile {
  readonly path: string
  /** A tar archive of this one file. */
  readonly archive: Buffer
}

/** Saves a snapshot of the member's store. */
export async function saveSnapshot(member: EtcdMember, path: string): Promise<SnapshotFile> {
  await member.exec('etcdctl', 'snapshot', 'save', path)
  return { path, archive: await member.copyFrom(path) }
}

/** Restores a snapshot into a new data directory on all members, which they use from their next start. */
export async function restoreSnapshot(
  members: readonly EtcdMember[],
  { path, archive }: SnapshotFile,
  dataDir: string,
): Promise<void> {
  const cluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
  for (const member of members) {
    await member.copyTo(archive)
    // etcdutl is new in 3.5, and since 3.6 etcdctl does not have this command.
    const tool = (await member.status()).version.startsWith('3.4.') ? 'etcdctl' : 'etcdutl'
    const options = [
      `--data-dir=${dataDir}`,
      `--name=${member.name}`,
      `--initial-cluster-token=${dataDir}`,
      `--initial-cluster=${cluster}`,
      `--initial-advertise-peer-urls=${member.peerUrl}`,
    ]
    await member.exec(tool, 'snapshot', 'restore', path, ...options)
    await member.configure({ 'data-dir': dataDir })
  }
}
