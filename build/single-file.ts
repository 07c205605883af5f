// usage: node build/single-file.ts
// Writes the command with all of its dependencies as one file, for a Node without node_modules.
import { chmod, copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { bundlePlugins } from './bundle-plugins.ts'

const root = join(import.meta.dirname, '..')

/** Writes the file to a folder, with its licence and those of what is in it. Resolves with the path of the file. */
export async function buildSingleFile(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const bundle = await rolldown({
    cwd: root,
    input: { 'rke2-apiserver-resolver': 'src/cli.ts' },
    platform: 'node',
    transform: { define: { packageVersion: JSON.stringify(version) } },
    plugins: [
      {
        name: 'single-file',
        resolveId: (source) => (source === './installation.ts' ? join(root, 'src/single-file.ts') : null),
      },
      ...bundlePlugins(),
    ],
  })
  await bundle.write({
    dir: folder,
    format: 'cjs',
    comments: false,
    // Parts that are imported later are in the same file, and run when they are first used.
    codeSplitting: false,
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
  })
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const file = join(folder, 'rke2-apiserver-resolver.cjs')
  await chmod(file, 0o755)
  return file
}

if (import.meta.main) console.log(await buildSingleFile(join(root, 'release')))
