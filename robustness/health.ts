import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdMember } from '../test/support/etcd.ts'

/**
 * Resolves when the member answers for the whole cluster. One that was cut off takes its time until it has its peers
 * again. One that was given another address by then may keep dead connections for minutes: it is started anew.
 */
export async function healthy(member: EtcdMember): Promise<void> {
  const read = () => member.request('kv/range', { key: 'eA==' })
  try {
    await within(20_000, read)
  } catch {
    await member.stop().catch(() => {}) // it may have ended
    await member.start({ untilReady: false })
    await within(90_000, read)
  }
}

/** Resolves when the member answers, if only for itself: it has read its files. */
export function serving(member: EtcdMember): Promise<void> {
  return within(90_000, () => member.status())
}

/** Asks again and again, until there is an answer. */
async function within(ms: number, request: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + ms
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
