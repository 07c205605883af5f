// Writes docs/api.md: every public name with its signature, as in the published declarations.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import ts from 'typescript'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const entries = {
  'rke2-apiserver-resolver': path('../dist/index.d.ts'),
  'rke2-apiserver-resolver/testing': path('../dist/testing.d.ts'),
}
const reportFile = path('api.md')

/** Returns the report for the declarations that `npm run build` has written. */
export async function report(): Promise<string> {
  const program = ts.createProgram(Object.values(entries), {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
    allowImportingTsExtensions: true,
    noEmit: true,
  })
  const sections = Object.entries(entries).map(([name, file]) => section(program, name, file))
  const text = `# API report

Every public name with its signature. \`npm run api\` writes this page, and a test compares it with the code. A change of
this page is a change of the public API. It needs a line in CHANGELOG.md and a new version number of the right kind.

${sections.join('\n')}`
  return format(text, { ...(await resolveConfig(reportFile)), parser: 'markdown' })
}

/** Returns the public names of one entry of the package, with their signatures. */
function section(program: ts.Program, name: string, file: string): string {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${file} does not exist: run "npm run build" first`)

  const printer = ts.createPrinter({ removeComments: true })
  const signatures = checker
    .getExportsOfModule(module)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((symbol) => {
      const { declarations = [] } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      return declarations.map((node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()))
    })
  return `## \`${name}\`\n\n\`\`\`ts\n${signatures.join('\n\n')}\n\`\`\`\n`
}

/** Returns the report that was reviewed last. */
export const lastReport = (): string => readFileSync(reportFile, 'utf8')

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(reportFile, await report())
