// usage: node build/executable.ts
// Writes the command as one executable, for machines without Node. The Node inside is the one that runs this script.
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { buildSingleFile } from './single-file.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')

/** The name that Kubernetes, RKE2 and Docker have for the processor. */
const architecture = process.arch === 'x64' ? 'amd64' : process.arch

/** Marks the place in Node's binary that says whether a program is inside. Node's documentation has this value. */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/**
 * Writes the executable for Linux, the single file that it is made of, and the licences of both to a folder. Resolves with the path
 * of the executable.
 */
export async function buildExecutable(folder: string): Promise<string> {
  const main = await buildSingleFile(folder)
  await copyNodeLicense(join(folder, 'NODE-LICENSE'))
  const executable = join(folder, `rke2-apiserver-resolver-${process.platform}-${architecture}`)
  const work = await mkdtemp(join(folder, '.executable-'))
  try {
    const [config, blob, node] = ['config.json', 'blob', 'node'].map((name) => join(work, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(config, JSON.stringify({ ...settings, main, output: blob }))
    await run(process.execPath, ['--experimental-sea-config', config])
    await copyFile(process.execPath, node)
    await chmod(node, 0o755)
    await strip(node)
    // It prints warnings about names of sections that do not matter. The output is in the error if it fails.
    await run(process.execPath, [postject, node, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', sentinelFuse])
    // In one step, so that a file with this name is always complete.
    await rename(node, executable)
  } finally {
    await rm(work, { recursive: true })
  }
  return executable
}

const postject = join(root, 'node_modules/postject/dist/cli.js')

const settings = {
  disableExperimentalSEAWarning: true,
  useCodeCache: true,
  // NODE_OPTIONS is for programs that are known to be Node. It may load a file that does not exist for this one.
  execArgvExtension: 'none',
}

/** Removes the symbols, a seventh of the size, where there is a `strip`. */
async function strip(file: string): Promise<void> {
  try {
    await run('strip', [file])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Copies the licence of the Node that runs this script. It is in the folder of Node, or of the npm package `node`. */
async function copyNodeLicense(target: string): Promise<void> {
  const folder = dirname(dirname(process.execPath))
  const places = [folder, join(folder, `node_modules/node-${process.platform}-${process.arch}`)]
  for (const place of places) {
    try {
      return await copyFile(join(place, 'LICENSE'), target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  throw new Error(`Node's LICENSE is not in ${places.join(', nor in ')}; "npm ci" installs it`)
}

if (import.meta.main) console.log(await buildExecutable(join(root, 'release')))
