import type { ApiserverAddressEvent } from '../events.ts'
import { describe } from './describe.ts'

/** Prints the events of a call to stderr. */
export type DebugLog = (call: number, subject: string, event: ApiserverAddressEvent) => void

/** Returns the log that `NODE_DEBUG=rke2-apiserver-resolver` switches on; `undefined` without it. */
export function createDebugLog(): DebugLog | undefined {
  // Importing node:util would take 1.5 ms of every start.
  const log = process.getBuiltinModule('node:util').debuglog('rke2-apiserver-resolver')
  if (!log.enabled) return undefined
  return (call, subject, event) => log('call %d, %s: %s: %s', call, subject, event.type, describe(event))
}
