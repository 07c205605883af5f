// Writes docs/api.md: every public name with its signature, as in the published declarations.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import ts from 'typescript'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const entry = path('../dist/index.d.ts')
const reportFile = path('api.md')

/** Returns the report for the declarations that `npm run build` has written. */
export async function report(): Promise<string> {
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
    allowImportingTsExtensions: true,
    noEmit: true,
  })
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(entry)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${entry} does not exist: run "npm run build" first`)

  const printer = ts.createPrinter({ removeComments: true })
  const signatures = checker
    .getExportsOfModule(module)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((name) => {
      const { declarations = [] } = name.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name
      return declarations.map((node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()))
    })
  const text = `# API report

Every public name with its signature. \`npm run api\` writes this page, and a test compares it with the code. A change of
this page is a change of the public API. It needs a line in CHANGELOG.md and a new version number of the right kind.

\`\`\`ts
${signatures.join('\n\n')}
\`\`\`
`
  return format(text, { ...(await resolveConfig(reportFile)), parser: 'markdown' })
}

/** Returns the report that was reviewed last. */
export const lastReport = (): string => readFileSync(reportFile, 'utf8')

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(reportFile, await report())
