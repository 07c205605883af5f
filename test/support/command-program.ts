import { fileURLToPath } from 'node:url'

/**
 * The program that the tests of the command start. The variable `COMMAND_PROGRAM` names another one than `src/cli.ts`: a
 * file for Node, or an executable.
 */
const program = process.env['COMMAND_PROGRAM'] ?? fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** Whether code can run in the process of the command before the command. An executable ignores all flags of Node. */
export const canPreload: boolean = /\.[cm]?[jt]s$/.test(program)

/** Returns the command line that starts the command, with code that runs before it in the same process. */
export function commandLine(preload?: string): string[] {
  if (!canPreload) return [program]
  const before = preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]
  return [process.execPath, ...before, program]
}
