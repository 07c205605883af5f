import type { ResolvedAddresses, ResolveOptions } from '../../../src/index.ts'
import { commandLine } from '../../support/command-program.ts'
import type { Node } from './cluster.ts'
import { run } from './program.ts'

/** Runs the command in the network of a node. Resolves with the list that it prints. */
export async function resolveOn(node: Node, options: ResolveOptions, ...more: string[]): Promise<ResolvedAddresses> {
  const { dataDir, source, tls } = options
  const args = Object.entries({
    'data-dir': dataDir,
    source,
    cacert: tls?.caFile,
    cert: tls?.certFile,
    key: tls?.keyFile,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
  const [file = '', ...rest] = node.host.enter([...commandLine(), '--json', '--timeout', '5m', ...args, ...more])
  return JSON.parse(await run(file, ...rest)) as ResolvedAddresses
}
