// Runs the demo and puts what it printed into README.md, between the two marks.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const file = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const readme = file('../README.md')

const { stdout } = await promisify(execFile)(process.execPath, [file('demo.ts')])
const recording = `<!-- recording -->\n\n\`\`\`text\n${stdout.trim().replace(/ +$/gm, '')}\n\`\`\`\n\n<!-- end -->`
writeFileSync(
  readme,
  readFileSync(readme, 'utf8').replace(/<!-- recording -->.*<!-- end -->/s, () => recording),
)
