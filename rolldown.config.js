import { bundlePlugins } from './build/bundle-plugins.ts'
import { esmEntry } from './build/esm-entry.ts'

export default [
  // The code is CommonJS, because the next attempt must load a part again that could not be loaded, as with too many open
  // files. `require` does. `import` keeps the failure for ever: of a read in Node 22.12, of an evaluation in all versions.
  //
  // The build makes few files, because Node needs half a millisecond to load each.
  {
    input: {
      main: 'src/main.ts',
      resolve: 'src/resolve.ts',
      sources: 'src/sources/selected-source.ts',
      watch: 'src/watch.ts',
      command: 'src/command/command.ts',
      testing: 'src/testing.ts',
    },
    platform: 'node',
    preserveEntrySignatures: 'allow-extension',
    external: ['@grpc/grpc-js', './resolve.cjs', './watch.cjs'],
    plugins: [...bundlePlugins(), esmEntry('index.js', 'main.cjs'), esmEntry('testing.js', 'testing.cjs')],
    output: {
      dir: 'dist',
      format: 'cjs',
      cleanDir: true,
      comments: false,
      dynamicImportInCjs: false,
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
      codeSplitting: {
        // `main` is loaded by an import, with the modules that it shares with the rest. `resolve` is loaded by the first call.
        // `sources`, with the small modules that both sources use, and the dependencies have files of their own, because V8
        // keeps all that it parses of one file in memory at the same time.
        groups: [
          { name: 'resolve', test: /\/src\/resolve\.ts$/ },
          { name: 'sources', test: /\/src\/(util\/waiters|sources\/(selected-source|tls-hint))\.ts$/, priority: 1 },
          { name: 'main', test: /\/src\/(main|errors)\.ts$/, priority: 2 },
          { name: 'dependencies', test: /\/node_modules\/(zod|p-retry|is-network-error)\//, priority: 1 },
        ],
      },
    },
  },
  // The command is an ES module, because it waits for its code in a module that must also start in an old Node.
  {
    input: { cli: 'src/cli.ts' },
    platform: 'node',
    plugins: [
      {
        name: 'built-code',
        resolveId: (source) => {
          if (source === './command/command.ts') return { id: './command.cjs', external: true }
          if (source === './index.ts') return { id: './main.cjs', external: true }
          return null
        },
      },
    ],
    output: { dir: 'dist', comments: false },
  },
]
