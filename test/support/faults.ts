import { appendFileSync } from 'node:fs'
import { defaults } from '../../src/call/defaults.ts'
import type { Reason } from '../../src/index.ts'

/** The longest pause between two attempts, by default. */
export const longestPauseMs: number = defaults.retry.maxDelayMs

/** A fault, and how long it took a call to report it and to recover from it. */
export interface Fault {
  readonly fault: string
  readonly reason: Reason | undefined
  /** Milliseconds from the fault, or from the start of the call if that was later, to the event that reports it. */
  readonly reportedMs?: number
  /** Milliseconds from the end of the fault to the list. */
  readonly recoverMs?: number
}

/** Appends a row to the Markdown table in the file that the environment variable `FAULT_TABLE` names, if it is set. */
export function record({ fault, reason, reportedMs, recoverMs }: Fault): void {
  const file = process.env['FAULT_TABLE']
  if (!file) return
  const image = (process.env['ETCD_IMAGE'] ?? '').replace(/.*:/, '')
  const ms = (value: number | undefined) => (value === undefined ? '' : `${Math.max(0, Math.round(value))} ms`)
  appendFileSync(file, `| ${fault} | ${image} | ${reason ?? '-'} | ${ms(reportedMs)} | ${ms(recoverMs)} |\n`)
}

/** Returns a function that returns the milliseconds since it was created. */
export function stopwatch(): () => number {
  const start = performance.now()
  return () => performance.now() - start
}
