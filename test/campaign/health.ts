import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdMember } from '../support/etcd.ts'

const patienceMs = 90_000

/** Resolves when the member answers for the whole cluster. One that was cut off takes its time until it has its peers again. */
export function healthy(member: EtcdMember): Promise<void> {
  return untilDone(() => member.request('kv/range', { key: 'eA==' }))
}

/** Resolves when the member answers, if only for itself: it has read its files. */
export function serving(member: EtcdMember): Promise<void> {
  return untilDone(() => member.status())
}

async function untilDone(request: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + patienceMs
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
