import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Plugin } from 'rolldown'

/**
 * Returns a rolldown plugin that writes the licences of the packages that are bundled into `dist`.
 *
 * The build fails if a package has no licence file.
 */
export function thirdPartyLicenses(): Plugin {
  return {
    name: 'third-party-licenses',
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
      const files = chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => id.includes('node_modules'))
      const licenses = [...new Set(files.map(packageFolder))].map(readLicense).toSorted()
      const title = 'This package contains code of the following packages.'
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENSES', source: [title, ...licenses].join('\n\n') })
    },
  }
}

/** Returns the folder of the package to which a file belongs: the nearest folder whose `package.json` has a version. */
function packageFolder(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version !== undefined) return folder
  }
  throw new Error(`${file} belongs to no package`)
}

function readLicense(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((each) => /^licen[cs]e(\.\w+)?$/i.test(each))
  if (file === undefined) throw new Error(`${name} has no licence file`)
  const text = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()
  return `${'-'.repeat(80)}\n${name} ${version} (${license})\n\n${text}\n`
}
