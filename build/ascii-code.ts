interface Output {
  code?: string
}

/** The hook of rolldown that is used. */
interface Hook {
  readonly name: string
  generateBundle(options: unknown, bundle: Record<string, Output>): void
}

/**
 * Returns a rolldown plugin that escapes all characters that are not ASCII. They occur only in strings and in regular
 * expressions. One of them is enough for V8 to keep the whole file with two bytes for each character.
 */
export function asciiCode(): Hook {
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return {
    name: 'ascii-code',
    generateBundle(_options, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.code !== undefined) output.code = output.code.replaceAll(/[^\0-\x7F]/g, escape)
      }
    },
  }
}
