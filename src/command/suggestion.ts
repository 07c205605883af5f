import { flags } from './flags.ts'

/** Returns the flag that was probably meant, with its dashes; `undefined` if no flag is similar. */
export function similarFlag(unknown: string): string | undefined {
  const text = unknown.toLowerCase()
  if (text.length === 1) return shortFlag(text)
  // A longer text is no flag with a typing error, and would take long to compare.
  if (text.length > 40) return undefined
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const [name, { option = '' }] of Object.entries(flags)) {
    const distance = Math.min(...[name, optionName(option)].filter(Boolean).map((word) => distanceTo(word, text)))
    if (distance < (best?.distance ?? Infinity)) best = { name, distance }
  }
  return best && `--${best.name}`
}

function shortFlag(letter: string): string | undefined {
  const short = Object.values(flags).find((flag) => flag.short?.toLowerCase() === letter)?.short
  return short && `-${short}`
}

/** Returns the name of an option as a flag would have it, such as `min-addresses` or `ca-file`. */
const optionName = (option: string): string =>
  option.replace(/^.*\./, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Returns how far a text is from a word; `Infinity` if it is not similar. A longer or a shorter form is similar. */
function distanceTo(word: string, text: string): number {
  const [short, long] = word.length < text.length ? [word, text] : [text, word]
  const distance = editDistance(word, text)
  if (distance <= Math.max(1, Math.floor(text.length / 3))) return distance
  return short.length >= 2 && long.startsWith(short) ? distance : Infinity
}

/** Returns the number of letters to insert, to remove, to replace, or to swap with the next one. */
function editDistance(a: string, b: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      )
    }
    ;[beforeLast, last] = [last, current]
  }
  return last[b.length] ?? Infinity
}
