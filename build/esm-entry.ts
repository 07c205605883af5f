import type { OutputBundle, OutputChunk, Plugin } from 'rolldown'

/**
 * Returns a rolldown plugin that writes an ES module for an entry: `fileName`, whose exports are those of `entry`. It
 * exports each name from the chunk that has it, because Node needs half a millisecond to load one more file.
 */
export function esmEntry(fileName: string, entry: string): Plugin {
  return {
    name: `esm-entry ${fileName}`,
    generateBundle(_options, bundle) {
      const chunk = chunkOf(bundle, entry)
      const chunks = chunk.imports.map((name) => chunkOf(bundle, name))
      const files = Map.groupBy(chunk.exports.toSorted(), (name) => homeOf(name, chunk, chunks).fileName)
      const lines = [...files].map(([file, names]) => `export { ${names.join(', ')} } from './${file}'\n`)
      this.emitFile({ type: 'asset', fileName, source: lines.join('') })
    },
  }
}

function chunkOf(bundle: OutputBundle, fileName: string): OutputChunk {
  const chunk = bundle[fileName]
  if (chunk?.type !== 'chunk') throw new Error(`the build makes no ${fileName}`)
  return chunk
}

/** Returns the chunk that an entry passes an export on from, or the entry itself. */
function homeOf(name: string, entry: OutputChunk, imported: readonly OutputChunk[]): OutputChunk {
  return imported.find((chunk) => chunk.exports.includes(name)) ?? entry
}
