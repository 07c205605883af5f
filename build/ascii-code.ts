import type { Plugin } from 'rolldown'

/**
 * Returns a rolldown plugin that escapes all characters that are not ASCII. They occur only in strings and in regular
 * expressions. One of them is enough for V8 to keep the whole file with two bytes for each character.
 */
export function asciiCode(): Plugin {
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return {
    name: 'ascii-code',
    generateBundle(_options, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type === 'chunk') output.code = output.code.replaceAll(/[^\0-\x7F]/g, escape)
      }
    },
  }
}
