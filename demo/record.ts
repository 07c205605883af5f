// Runs the demo and writes its output to docs/demo.md, between the comments `recording` and `end`.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const file = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const page = file('../docs/demo.md')

const { stdout } = await promisify(execFile)(process.execPath, [file('demo.ts')])
const recording = `<!-- recording -->\n\n\`\`\`text\n${stdout.trim().replace(/ +$/gm, '')}\n\`\`\`\n\n<!-- end -->`
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(/<!-- recording -->.*<!-- end -->/s, () => recording),
)
