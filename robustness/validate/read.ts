import type { ReadRecord } from '../report/records.ts'
import { validateList } from './list.ts'

/** Returns what is wrong with a change that the reader of a watch got. */
export function validateRead({ change, previous, emitted }: ReadRecord): string | undefined {
  const { addresses, added, removed, revision } = change
  const sum = [...previous.filter((address) => !removed.includes(address)), ...added].toSorted()
  if (sum.join() !== addresses.join() || added.some((address) => previous.includes(address))) {
    return `the reader had ${previous.join()} and got + ${added.join()} - ${removed.join()} = ${addresses.join()}`
  }
  const isCurrent = emitted.some((list) => list.revision === revision && list.addresses.join() === addresses.join())
  return validateList(change) ?? (isCurrent ? undefined : `the reader got an old list: ${addresses.join()}`)
}
