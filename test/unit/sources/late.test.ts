import { expect, test } from 'vitest'
import type { Reason } from '../../../src/errors.ts'
import type { Stage } from '../../../src/sources/connection.ts'
import { createLateFailure } from '../../../src/sources/late.ts'

const lateFailure = createLateFailure('etcd', 'it may be frozen or without a quorum')

test.each<[stage: Stage, reason: Reason, description: string]>([
  ['resolving', 'unreachable', 'the host name is not resolved: DNS does not answer'],
  ['closed', 'unreachable', 'the connection to etcd was lost'],
  ['connecting', 'unreachable', 'no connection yet; packets may be dropped on the way'],
  ['handshake', 'timeout', 'TCP connected, but nothing answers: etcd may be starting or frozen'],
  ['ready', 'timeout', 'etcd took the request and does not answer: it may be frozen or without a quorum'],
])('createLateFailure makes, for the stage %s, %s with the URL', (stage, reason, description) => {
  const message = `https://etcd:2379: ${description}`
  expect(lateFailure('https://etcd:2379', stage)).toMatchObject({ reason, message, retryForMs: Infinity })
})
