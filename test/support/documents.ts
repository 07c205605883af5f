import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The root of the repository. */
export const root: string = join(import.meta.dirname, '..', '..')

/** Returns the text of a file, by its path from the root. */
export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The pages of docs/, by their paths from the root. docs/api.md is generated, and has a test of its own. */
export const pages: readonly string[] = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md') && name !== 'api.md')
  .map((name) => `docs/${name}`)

/** The documents that are written by hand for users and contributors. */
export const documents: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CODE_OF_CONDUCT.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...pages,
]

const fences = /^ *```.*?^ *```$/gms

/** Returns a document without its code blocks. */
export const withoutCode = (markdown: string): string => markdown.replace(fences, '')

/** Returns the code blocks of one language. */
export function codeBlocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text)
}

/** Returns the text under a heading, up to the next heading of the same or a higher level. */
export function section(markdown: string, heading: string): string {
  const lines = markdown.split('\n')
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (start === -1) throw new Error(`There is no heading "${heading}"`)
  const level = lines[start]?.indexOf(' ') ?? 0
  const end = lines.findIndex((line, index) => index > start && /^#+ /.test(line) && line.indexOf(' ') <= level)
  return lines.slice(start + 1, end === -1 ? undefined : end).join('\n')
}

/** Returns the rows of all tables as cells, without the headers. */
export function rows(markdown: string): string[][] {
  const lines = markdown.split('\n')
  return lines
    .filter((line, index) => line.startsWith('|') && !line.startsWith('| --') && !lines[index + 1]?.startsWith('| --'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** Returns the texts in backticks. */
export const codeSpans = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

/** Returns the anchors of all headings, as GitHub makes them. */
export function anchors(markdown: string): string[] {
  return [...withoutCode(markdown).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}
