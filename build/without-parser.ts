import type { Plugin } from 'rolldown'
import { protoLoader, replaceOnce } from './replace-once.ts'
import type { Replacing } from './replace-once.ts'

/**
 * Returns a rolldown plugin that leaves out what parses `.proto` files, because the build has parsed the one of etcd: the
 * parser of protobufjs, and the types of Google that proto-loader adds for files that import them.
 */
export const withoutParser = (): Replacing & Pick<Plugin, 'resolveId'> => ({
  ...replaceOnce('without-parser', protoLoader, [['(0, util_1.addCommonProtos)();', '']]),
  resolveId: {
    filter: { id: /^protobufjs$/ },
    handler(_id, importer) {
      return this.resolve('protobufjs/light.js', importer)
    },
  },
})
