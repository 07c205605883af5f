import { expect, test } from 'vitest'
import { normalizeAddress } from '../../../src/addresses/host-port.ts'
import { addressList } from '../../../src/addresses/list.ts'
import { parseAddresses } from '../../../src/addresses/parse.ts'
import { forging, fuzzSeed, mutate } from '../../support/fuzz.ts'
import { SeededRandom } from '../../support/random.ts'

const rounds = 100_000

const lists = [
  '["10.0.0.11:6443","10.0.0.12:6443","10.0.0.13:6443"]\n',
  '["[fd00::1]:6443","[2001:DB8:0:0::8]:6443","[::ffff:10.0.0.1]:6443"]',
  '[ "server-1.example.org:6443" ,\n\t"SERVER-2:1", "a:65535" ]',
  '["xn--bcher-kva.example:6443","a_b.c.:1"]',
]
const otherValues = [
  '',
  'null',
  '[]',
  '{"a":["b:1"]}',
  '"a:1"',
  '[["a:1"]]',
  '["[fe80::1%eth0]:6443"]',
  '["0x7f.1:80","1.2.3:80","a.1:80","xn--a\u00df:80"]',
  '["a:1\\n{\\"level\\":\\"info\\"}","\\u001b[2J:1","\\u2028:1","\\u202e:1","\\ud800:1","\\u0000:1"]',
  '[1e999,-0,99999999999999999999999999999999,true,null,{"__proto__":{"a":1}}]',
  '\ufeff["a:1"]',
  '\u0000',
  '\u009b31m\u2029\u2066\u{e0001}\u{1f600}',
].map((text) => Buffer.from(text))
const notUtf8 = ['ff', 'c080', 'eda080', 'f4908080', 'efbb', 'e2'].map((hex) => Buffer.from(hex, 'hex'))
const originals = [...lists.map((text) => Buffer.from(text)), ...otherValues, ...notUtf8]

const large = [
  '['.repeat(1 << 20),
  '['.repeat(1 << 19) + ']'.repeat(1 << 19),
  '{"a":'.repeat(150_000) + '1' + '}'.repeat(150_000),
  `[${'1,'.repeat(500_000)}1]`,
  `[${'{},'.repeat(300_000)}{}]`,
  `[${'9'.repeat(1_000_000)}]`,
  ...[':', ':1', 'a', 'a.', '[', '%', '\\u001b', ' '].map((part) => `["${part.repeat(1_000_000 / part.length)}:1"]`),
  JSON.stringify(Array.from({ length: 20_000 }, (_, index) => `server-${index}.example.org:6443`)),
  JSON.stringify(Array.from({ length: 18_000 }, (_, index) => `[2001:db8:0:0:0:0:${index.toString(16)}:1]:6443`)),
].map((text) => Buffer.from(text))

/** Returns what is wrong with the result for a value, if anything. */
function problemWith(value: Uint8Array): string | undefined {
  const parsed = parseAddresses(value)
  if (parsed.kind !== 'list') {
    if (parsed.kind !== 'not-set' && parsed.kind !== 'invalid-value') return `kind ${JSON.stringify(parsed)}`
    if (parsed.message.length > 400) return `a message of ${parsed.message.length} characters`
    return forging.test(parsed.message) ? `the message ${JSON.stringify(parsed.message)}` : undefined
  }
  const { addresses, urls } = addressList(parsed.addresses, 'etcd', '1')
  if (addresses.length === 0 || addresses.length > 20_000) return `${addresses.length} addresses`
  for (const [index, address] of addresses.entries()) {
    const before = addresses[index - 1]
    if (before !== undefined && before >= address) return `${before} before ${address}`
    if (normalizeAddress(address) !== address) return `${address}, normalised ${normalizeAddress(address)}`
    const url = URL.parse(urls[index] ?? '')
    const port = address.slice(address.lastIndexOf(':') + 1)
    if (url === null || Number(url.port || 443) !== Number(port) || url.pathname !== '/') {
      return `the URL ${urls[index]}`
    }
    if (!address.startsWith(`${url.hostname}:`)) return `the URL ${urls[index]}, whose host is ${url.hostname}`
  }
  return undefined
}

test(
  `parseAddresses gives a valid result for ${rounds} values with up to eight mutations, seed ${fuzzSeed}`,
  { timeout: 60_000 },
  () => {
    const random = new SeededRandom(fuzzSeed)
    const kinds = new Map<string, number>()
    // CPU time, which does not depend on other processes.
    let slowestMs = 0
    for (let round = 0; round < rounds; round++) {
      let value = random.upTo(20) === 0 ? random.bytes(random.upTo(60)) : random.pick(originals)
      for (let left = random.upTo(9); left > 0; left--) value = mutate(value, random, originals).subarray(0, 5000)
      const before = process.cpuUsage()
      const problem = problemWith(value)
      slowestMs = Math.max(slowestMs, process.cpuUsage(before).user / 1000)
      if (problem !== undefined) expect.fail(`round ${round}: ${problem} of ${value.toString('base64')}`)
      const { kind } = parseAddresses(value)
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    }
    // Each kind was tested often.
    for (const kind of ['list', 'not-set', 'invalid-value']) expect(kinds.get(kind), kind).toBeGreaterThan(rounds / 100)
    expect(slowestMs).toBeLessThan(1000)
  },
)

test(
  `parseAddresses gives a valid result for values of a megabyte, whole and mutated, seed ${fuzzSeed}`,
  { timeout: 60_000 },
  () => {
    const random = new SeededRandom(fuzzSeed)
    for (const whole of large) {
      for (const value of [whole, mutate(whole, random, originals), mutate(whole, random, originals)]) {
        const before = process.cpuUsage()
        expect(problemWith(value), whole.subarray(0, 40).toString()).toBeUndefined()
        expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000)
      }
    }
  },
)
