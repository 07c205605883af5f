import { copyFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { compile, compilers } from '../support/compile.ts'
import { codeBlocks, documents, read, root } from '../support/documents.ts'
import { projectFolder } from '../support/folder.ts'

const examples = Object.fromEntries(
  documents.flatMap((document) =>
    codeBlocks(read(document), 'ts').map((text, index) => {
      // An example that another one imports has its name in its first line.
      const [, name = `page-${basename(document, '.md')}-${index}.ts`] = /^\/\/ (\S+\.ts)\n/.exec(text) ?? []
      return [name, `${text}\nexport {}\n`]
    }),
  ),
)

/** How an application creates its logger, and what it imports for it. */
const loggers = {
  'pino 10': `import { pino } from 'pino'; const logger = pino({ customLevels: { audit: 35 } }); logger.audit('a')`,
  'pino 9': `import { pino } from 'pino-9'; const logger = pino({ customLevels: { audit: 35 } }); logger.audit('a')`,
  'pino 8': `import { pino } from 'pino-8'; const logger = pino({ customLevels: { audit: 35 } }); logger.audit('a')`,
  'a child of pino': `import { pino } from 'pino'; const logger = pino().child({ component: 'a' })`,
  Fastify: `import { fastify } from 'fastify'; import type { FastifyBaseLogger } from 'fastify'
    const logger: FastifyBaseLogger = fastify({ logger: true }).log`,
  winston: `import { createLogger } from 'winston'; const logger = createLogger()`,
  console: `const logger = console`,
  'a plain object': `
    const log = (fields: object, text: string) => console.log(text, fields)
    const logger = { debug: log, info: log, warn: log, error: log }`,
}

const callWithLogger = `
  import { resolveApiserverAddresses, watchApiserverAddresses } from 'rke2-apiserver-resolver'
  await resolveApiserverAddresses({ logger })
  watchApiserverAddresses({ logger })
  // @ts-expect-error a logger needs all four methods
  await resolveApiserverAddresses({ logger: { info: logger.info } })`

const programs = Object.fromEntries(
  Object.entries(loggers).map(([name, text]) => [`${name.replaceAll(' ', '-')}.ts`, `${text}\n${callWithLogger}\n`]),
)

// A compiler needs seconds, and on a busy machine far more.
test.for(Object.keys(compilers))(
  'TypeScript %s accepts the examples of all documents, and the loggers of pino 8 to 10, Fastify, winston and others',
  { timeout: 300_000 },
  async (version) => {
    const files = { ...examples, ...programs }
    expect(Object.keys(examples).length).toBeGreaterThan(5)
    const folder = projectFolder(files)
    // What docs/metrics.md says to copy.
    for (const file of ['metrics.ts', 'opentelemetry.ts']) {
      copyFileSync(join(root, 'examples/node-agent', file), join(folder, file))
    }
    const flags = ['--module', 'nodenext', '--allowImportingTsExtensions']
    expect(await compile(version, folder, Object.keys(files), ...flags)).toBe('')
  },
)
