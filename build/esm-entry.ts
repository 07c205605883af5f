import type { Plugin } from 'rolldown'

/**
 * Returns a rolldown plugin that writes an ES module for an entry: `fileName`, whose exports are those of `entry`.
 *
 * Node looks for the exports in the text of that file. So the entry is small, and requires the code from another file.
 */
export function esmEntry(fileName: string, entry: string): Plugin {
  return {
    name: `esm-entry ${fileName}`,
    generateBundle(_options, bundle) {
      const chunk = bundle[entry]
      const module =
        chunk?.type === 'chunk' && chunk.facadeModuleId !== null && this.getModuleInfo(chunk.facadeModuleId)
      if (!module) throw new Error(`the build makes no ${entry}`)
      // The chunk also exports what other chunks need of it.
      const names = module.exports.toSorted().join(', ')
      this.emitFile({ type: 'asset', fileName, source: `export { ${names} } from './${entry}'\n` })
    },
  }
}
