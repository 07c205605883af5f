import { Writable } from 'node:stream'
import { parseOptions } from '../../src/call/config.ts'
import { run } from '../../src/command/command.ts'
import type { Process } from '../../src/command/process.ts'
import type { WatchOptions } from '../../src/options.ts'

const list = {
  addresses: ['10.0.0.11:6443', '[fd00::1]:6443'],
  urls: ['https://10.0.0.11:6443', 'https://[fd00::1]:6443'],
  source: 'etcd' as const,
  revision: '7',
}

/** The result of the library that the command runs with. */
export const resolvedList = { ...list, attempts: 3, elapsedMs: 1200 }
/** The first change of a watch of the library that the command runs with. */
export const firstChange = { ...list, added: list.addresses, removed: [] as string[] }

type Change = typeof firstChange

export async function* changes(...more: Change[]): AsyncGenerator<Change, void> {
  yield firstChange
  yield* more
}

interface OutputOptions {
  /** The code of the system error with which every write fails. */
  readonly failure?: string
  readonly isTTY?: boolean
  readonly columns?: number
}

/** A stream that keeps the text that was written. */
export type Output = Writable & { readonly text: () => string; readonly isTTY?: boolean; readonly columns?: number }

export function createOutput({ failure, ...terminal }: OutputOptions = {}): Output {
  let text = ''
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      if (failure === undefined) text += chunk
      done(failure === undefined ? null : Object.assign(new Error(`${failure}: cannot`), { code: failure }))
    },
  })
  return Object.assign(stream, terminal, { text: () => text })
}

/** The parts of the process to replace, and the two functions of the library. */
export interface Setup extends Partial<Omit<Process, 'args'>> {
  readonly resolve?: (options: WatchOptions) => Promise<typeof resolvedList>
  readonly watch?: (options: WatchOptions) => AsyncIterable<Change>
}

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** The options that the library was called with. */
  readonly options: WatchOptions
}

/** Runs the command in this process, with a library that checks its options and reads nothing. */
export async function runCommand(args: string | readonly string[], setup: Setup = {}): Promise<CommandResult> {
  const { resolve = async () => resolvedList, watch = () => changes(), ...replaced } = setup
  const [stdout, stderr] = [createOutput(), createOutput()]
  let options: WatchOptions = {}
  const code = await run({
    args: typeof args === 'string' ? args.split(' ').filter(Boolean) : args,
    env: {},
    stdout,
    stderr,
    stderrId: () => '1:2',
    signal: new AbortController().signal,
    signals: { passOn() {} },
    version: () => '1.2.3',
    library: async () => ({
      async resolveApiserverAddresses(given) {
        parseOptions((options = given ?? {}), 'resolve')
        return resolve(options)
      },
      watchApiserverAddresses(given) {
        parseOptions((options = given), 'watch')
        return watch(options)
      },
    }),
    now: () => 0,
    ...replaced,
  })
  const { events: _events, logger: _logger, signal: _signal, ...plain } = options
  return { code, stdout: stdout.text(), stderr: stderr.text(), options: plain }
}
