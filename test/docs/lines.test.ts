import { expect, test } from 'vitest'
import { documents, read, withoutCode } from '../support/documents.ts'

test.for(documents)('%s has no line of more than 120 characters outside code', (document) => {
  const long = withoutCode(read(document))
    .split('\n')
    .filter((line) => line.length > 120)
  expect(long).toEqual([])
})
