import { protoLoader, replaceOnce } from './replace-once.ts'
import type { Replacing } from './replace-once.ts'

interface Resolving extends Replacing {
  readonly resolveId: {
    readonly filter: { readonly id: RegExp }
    handler(this: { resolve(id: string, importer?: string): Promise<unknown> }, id: string, importer?: string): unknown
  }
}

/**
 * Returns a rolldown plugin that leaves out what parses `.proto` files, because the build has parsed the one of etcd: the
 * parser of protobufjs, and the types of Google that proto-loader adds for files that import them.
 */
export const withoutParser = (): Resolving => ({
  ...replaceOnce('without-parser', protoLoader, [['(0, util_1.addCommonProtos)();', '']]),
  resolveId: {
    filter: { id: /^protobufjs$/ },
    handler(_id, importer) {
      return this.resolve('protobufjs/light.js', importer)
    },
  },
})
