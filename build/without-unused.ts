import type { Replacing } from './replace-once.ts'

const nothing = 'module.exports = {}'

/** The files of the dependencies that are loaded and never used, and what takes the place of each. */
const files: readonly (readonly [file: string, code: string])[] = [
  // What etcd3 offers beyond the three calls: reads and writes in steps, elections, leases, locks and transactions.
  ...['builder', 'election', 'lease', 'lock', 'stm'].map((name) => [`etcd3/lib/${name}.js`, nothing] as const),
  // etcd3 calculates with revisions in elections, in transactions, and in watches that it starts again itself.
  ['bignumber.js/bignumber.js', nothing],
  // The fault policies of etcd3. The client gives it policies that do nothing, and needs only the errors.
  ['cockatiel/dist/index.js', "module.exports = require('./errors/Errors')"],
  // The types of Google, for `.proto` files that import them.
  ...['api', 'descriptor', 'source_context', 'type'].map(
    (name) => [`protobufjs/google/protobuf/${name}.json`, '{}'] as const,
  ),
]

/**
 * Returns a rolldown plugin that leaves out what the dependencies load and this package never uses: a third of the code
 * that talks to etcd. The build fails if one of the files is no longer loaded, because the dependency has changed then.
 */
export function withoutUnused(): Replacing {
  const unseen = new Set(files.map(([file]) => file))
  return {
    name: 'without-unused',
    transform(_code, id) {
      const found = files.find(([file]) => id.replaceAll('\\', '/').endsWith(`/node_modules/${file}`))
      if (found === undefined) return null
      const [file, code] = found
      unseen.delete(file)
      return code
    },
    buildEnd() {
      if (unseen.size > 0) throw new Error(`without-unused: no longer loaded: ${[...unseen].join(', ')}`)
    },
  }
}
