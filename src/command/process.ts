import type { Writable } from 'node:stream'
import type { AddressChange } from '../addresses/list.ts'
import type { WatchOptions } from '../options.ts'
import type { Signals } from './program.ts'

/** The parts of a process that the command uses. */
export interface Process {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** Returns the device and the inode of stderr, as `device:inode`. */
  readonly stderrId: () => string
  /** Aborted with the name of the signal that stops the process. */
  readonly signal: AbortSignal
  /** The signals, for a program that is started. */
  readonly signals: Signals
  readonly version: () => string
  /** Loads the library. It is called only when there is a list to wait for. */
  readonly library: () => Promise<Library>
  readonly now: () => number
}

type Library = Pick<typeof import('../index.ts'), 'resolveApiserverAddresses'> & {
  readonly watchApiserverAddresses: (options: WatchOptions) => AsyncIterable<AddressChange>
}
