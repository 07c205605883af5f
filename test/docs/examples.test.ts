import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { expectToCompile } from '../support/compile.ts'
import { codeBlocks, documents, read, root } from '../support/documents.ts'

test('TypeScript examples of all documents compile with the published types', async () => {
  // Inside the project, so that the name of the package leads to it.
  const folder = mkdtempSync(join(root, 'test', '.examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const files = documents.flatMap((document) =>
    codeBlocks(read(document), 'ts').map((text, index) => {
      const file = `${basename(document, '.md')}-${index}.ts`
      writeFileSync(join(folder, file), `${text}\nexport {}\n`)
      return file
    }),
  )
  expect(files.length).toBeGreaterThan(2)
  await expectToCompile(folder, files, '--module', 'nodenext')
})
