import { expect, test } from 'vitest'
import { kubeProxyFiles, serverCaFiles } from '../../src/rke2.ts'
import { codeSpans, read, section } from '../support/documents.ts'

test('docs/probing.md names the CA files of both sources', () => {
  const [text = ''] = section(read('docs/probing.md'), 'Certificates').trim().split('\n\n')
  const [etcd = '', kubernetes = ''] = text.split('With `kubernetes`')
  expect(codeSpans(etcd)).toEqual(['etcd', ...serverCaFiles('<dataDir>')])
  expect(codeSpans(kubernetes)).toEqual(['tls.caFile', kubeProxyFiles('<dataDir>').caFile, 'ca.crt'])
})
