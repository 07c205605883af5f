/** Shows what a terminal would obey, or hide (control and format characters, line separators), as `\u{1b}`. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

/** What may hold a password, such as a URL with a user, or is a key: not to be repeated, whatever it was given for. */
export const secret: RegExp = /@|-----BEGIN/
