import type { Plugin } from 'rolldown'

/** Returns a rolldown plugin that writes `index.js`, the ES module whose exports are those of `main.cjs`. */
export function esmEntry(): Plugin {
  return {
    name: 'esm-entry',
    generateBundle(_options, bundle) {
      const main = bundle['main.cjs']
      if (main?.type !== 'chunk') throw new Error('the build makes no main.cjs')
      const source = `export { ${main.exports.toSorted().join(', ')} } from './main.cjs'\n`
      this.emitFile({ type: 'asset', fileName: 'index.js', source })
    },
  }
}
