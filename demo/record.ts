// Runs both demos, and writes the output of each into its page, between the comments `recording` and `end`.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const file = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

async function record(program: string, page: string): Promise<void> {
  const { stdout } = await promisify(execFile)(process.execPath, [file(program)])
  const recording = `<!-- recording -->\n\n\`\`\`text\n${stdout.trim().replace(/ +$/gm, '')}\n\`\`\`\n\n<!-- end -->`
  const text = readFileSync(file(page), 'utf8')
  writeFileSync(
    file(page),
    text.replace(/<!-- recording -->.*<!-- end -->/s, () => recording),
  )
}

await record('demo.ts', '../docs/demo.md')
await record('operator.ts', '../docs/operator.md')
