import { promisify } from 'node:util'
import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import * as esbuild from 'esbuild'
import { rolldown } from 'rolldown'
import { rollup } from 'rollup'
import type { Plugin, RollupLog } from 'rollup'
import webpack from 'webpack'

/** Bundles the application `input` into the file `output`. Returns what the bundler warns of. */
type Bundler = (input: string, output: string) => Promise<readonly unknown[]>

interface NamedBundler {
  readonly file: string
  readonly bundle: Bundler
}

const forNode = { bundle: true, platform: 'node', logLevel: 'silent' } as const

/** What esbuild's documentation says to add to an ES module that contains CommonJS. */
const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }

/** Calls the default export of a plugin, which its types take for a module. */
const asPlugin = (plugin: unknown): Plugin => (plugin as () => Plugin)()

/** rollup names the circular imports of every package, such as those of grpc-js. */
const isCycle = ({ code }: RollupLog): boolean => code === 'CIRCULAR_DEPENDENCY'

/** The bundlers with the settings that any application for Node has, and no other. */
export const bundlers: Readonly<Record<string, NamedBundler>> = {
  'esbuild, as CommonJS': {
    file: 'application.cjs',
    async bundle(input, outfile) {
      const { warnings } = await esbuild.build({
        ...forNode,
        entryPoints: [input],
        outfile,
        format: 'cjs',
      })
      return warnings
    },
  },
  'esbuild, as an ES module': {
    file: 'application.mjs',
    async bundle(input, outfile) {
      const { warnings } = await esbuild.build({
        ...forNode,
        entryPoints: [input],
        outfile,
        format: 'esm',
        banner,
      })
      return warnings
    },
  },
  rolldown: {
    file: 'application.mjs',
    async bundle(input, file) {
      const warnings: unknown[] = []
      const build = await rolldown({ input, platform: 'node', onLog: (_level, log) => warnings.push(log) })
      await build.write({ file })
      return warnings
    },
  },
  rollup: {
    file: 'application.mjs',
    async bundle(input, file) {
      const warnings: unknown[] = []
      const plugins = [nodeResolve({ preferBuiltins: true }), asPlugin(commonjs), asPlugin(json)]
      const build = await rollup({ input, plugins, onLog: (_level, log) => isCycle(log) || warnings.push(log) })
      await build.write({ file, format: 'es' })
      return warnings
    },
  },
  webpack: {
    file: 'application.cjs',
    async bundle(input, output) {
      const [path, filename] = [output.slice(0, output.lastIndexOf('/')), output.slice(output.lastIndexOf('/') + 1)]
      const compiler = webpack({ mode: 'production', target: 'node', entry: input, output: { path, filename } })
      const stats = await promisify(compiler.run.bind(compiler))()
      await promisify(compiler.close.bind(compiler))()
      const { errors = [], warnings = [] } = stats?.toJson({ errors: true, warnings: true }) ?? {}
      return [...errors, ...warnings]
    },
  },
}
