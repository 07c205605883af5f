/** The hooks of rolldown that are used. A test calls them. */
export interface Replacing {
  readonly name: string
  transform(code: string, id: string): string | null
  buildEnd(): void
}

/**
 * Returns a rolldown plugin that replaces parts of one file of a dependency. The build fails if one of the parts is not
 * found exactly once, because the dependency has changed then.
 *
 * @param file matches the path of the file
 */
export function replaceOnce(
  name: string,
  file: RegExp,
  replacements: readonly (readonly [original: string, replacement: string])[],
): Replacing {
  const unseen = new Set(replacements.map(([original]) => original))
  return {
    name,
    transform(code, id) {
      if (!file.test(id)) return null
      let result = code
      for (const [original, replacement] of replacements) {
        const parts = result.split(original)
        if (parts.length === 2) unseen.delete(original)
        result = parts.join(replacement)
      }
      return result
    },
    buildEnd() {
      if (unseen.size > 0) throw new Error(`${name}: ${file} does not have once: ${[...unseen].join(', ')}`)
    },
  }
}

export const protoLoader = /[\\/]@grpc[\\/]proto-loader[\\/]build[\\/]src[\\/]index\.js$/
