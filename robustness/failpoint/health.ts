import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdMember } from '../../test/support/etcd.ts'

/**
 * Resolves when the member has a quorum: it answers a linearizable read. After the other members have got new
 * addresses, a member may keep its dead connections to them for minutes, so a member that does not recover is restarted.
 */
export async function waitUntilHealthy(member: EtcdMember): Promise<void> {
  const read = () => member.request('kv/range', { key: 'eA==' })
  try {
    await retryUntilSuccess(20_000, read)
  } catch {
    await member.stop().catch(() => {}) // it may have exited already
    await member.start({ untilReady: false })
    await retryUntilSuccess(90_000, read)
  }
}

/** Resolves when the member answers at all, with or without a quorum: it has read its files. */
export function waitUntilServing(member: EtcdMember): Promise<void> {
  return retryUntilSuccess(90_000, () => member.status())
}

async function retryUntilSuccess(timeoutMs: number, request: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      await request()
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(50)
    }
  }
}
