// The shortest program with node:http2: one request over TLS with a client certificate, without retry or validation.
import { parseArgs } from 'node:util'
import { connect, list } from '../baselines/support/apiserver-client.js'

const { values } = parseArgs({ options: { endpoints: { type: 'string' }, 'data-dir': { type: 'string' } } })
const session = connect(values.endpoints, values['data-dir'])
const { addresses } = await list(session)
console.log(addresses.join('\n'))
session.close()
