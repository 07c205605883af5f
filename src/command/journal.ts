import type { Level } from './value-types.ts'

/** The number of each level in the journal, as in `sd-daemon(3)`. */
const priorities: Readonly<Record<Level, number>> = {
  trace: 7,
  debug: 7,
  info: 6,
  warn: 4,
  error: 3,
  fatal: 2,
  silent: 7,
}

/**
 * Returns whether systemd writes stderr to its journal. Its variable has the device and the inode of a socket: a program
 * inherits it from a service also when it writes elsewhere.
 */
export function isJournal(env: Readonly<Record<string, string | undefined>>, stderrId: () => string): boolean {
  const stream = env['JOURNAL_STREAM']
  return stream !== undefined && stream !== '' && stream === stderrId()
}

/** Returns the prefix that gives a line its priority in the journal, which removes it. */
export const priorityPrefix = (level: Level): string => `<${priorities[level]}>`
