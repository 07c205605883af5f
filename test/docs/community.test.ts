import { loadYaml } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { readCommandLine } from '../../src/command/arguments.ts'
import { read } from '../support/documents.ts'

const templates = ['.github/ISSUE_TEMPLATE/bug.yml', '.github/PULL_REQUEST_TEMPLATE.md']

test.for(templates)('%s requests the JSON log of a command line that the command accepts', (file) => {
  const [, line = ''] = /npx rke2-apiserver-resolver ([^`\n]+)/.exec(read(file)) ?? []
  const args = line.trim().split(' ')
  expect(args).toContain('--log-format')
  expect(readCommandLine(args, {})).toMatchObject({ logLevel: 'debug', logFormat: 'json' })
})

test('the issue forms are YAML whose fields have an id and a label', () => {
  for (const name of ['bug', 'idea']) {
    const { body } = loadYaml<{ body: { type: string; id?: string; attributes: { label?: string } }[] }>(
      read(`.github/ISSUE_TEMPLATE/${name}.yml`),
    )
    const fields = body.filter(({ type }) => type !== 'markdown')
    expect(fields.length).toBeGreaterThan(1)
    for (const { id, attributes } of fields) expect([typeof id, typeof attributes.label]).toEqual(['string', 'string'])
  }
})
