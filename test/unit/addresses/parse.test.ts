import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalizeAddress } from '../../../src/addresses/host-port.ts'
import { parseAddresses } from '../../../src/addresses/parse.ts'

const parse = (value: string) => {
  const parsed = parseAddresses(Buffer.from(value))
  return parsed.kind === 'list' ? parsed.addresses : parsed
}
const messageOfInvalid = (value: string | Uint8Array) => {
  const parsed = parseAddresses(typeof value === 'string' ? Buffer.from(value) : value)
  expect(parsed.kind).toBe('invalid-value')
  return parsed.kind === 'invalid-value' ? parsed.message : ''
}

test.each([
  ['as RKE2 writes it, with a newline', '["10.0.0.1:6443","10.0.0.2:6443"]\n', ['10.0.0.1:6443', '10.0.0.2:6443']],
  ['without a newline', '["10.0.0.1:6443"]', ['10.0.0.1:6443']],
  ['with white space everywhere', ' [ "10.0.0.1:6443" ,\n "10.0.0.2:6443" ] \n', ['10.0.0.1:6443', '10.0.0.2:6443']],
  ['in any order', '["b:1","a:1"]', ['a:1', 'b:1']],
  ['with duplicates', '["a:1","a:1","b:1"]', ['a:1', 'b:1']],
  ['with duplicates in different spellings', '["[FD00:0::1]:1","[fd00::1]:1","A:1","a:1"]', ['[fd00::1]:1', 'a:1']],
  ['with IPv6 in brackets', '["[fd00::1]:6443"]', ['[fd00::1]:6443']],
  ['with an IPv4 address in IPv6', '["[::ffff:10.0.0.1]:6443"]', ['[::ffff:a00:1]:6443']],
  ['with host names', '["server-1.example.org:6443"]', ['server-1.example.org:6443']],
  ['with the lowest and the highest port', '["a:1","a:65535"]', ['a:1', 'a:65535']],
])('parseAddresses returns the sorted addresses of a list %s', (_title, value, addresses) => {
  expect(parse(value)).toEqual(addresses)
})

test.each([
  ['no value', undefined, 'the key does not exist yet'],
  ['an empty value', '', 'the key exists, and its value is empty'],
  ['a newline', '\n', 'the key exists, and its value is empty'],
  ['white space', ' \t\r\n ', 'the key exists, and its value is empty'],
  ['null', 'null\n', 'the key exists, and its value is null'],
  ['an empty list', '[]\n', 'the key exists, and its list is empty'],
  ['an empty list with a space in it', '[ ]', 'the key exists, and its list is empty'],
])('parseAddresses returns not-set for %s', (_title, value, message) => {
  expect(parseAddresses(value === undefined ? undefined : Buffer.from(value))).toEqual({ kind: 'not-set', message })
})

test.each([
  ['a text that is not JSON', 'rubbish', "the value is not JSON: 'rubbish'"],
  ['a cut list', '["10.0.0.1:6443"', `the value is not JSON: '["10.0.0.1:6443"'`],
  ['a string', '"10.0.0.1:6443"', `the value is not a JSON array of "host:port": '"10.0.0.1:6443"'`],
  ['an object', '{"a":1}', `the value is not a JSON array of "host:port": '{"a":1}'`],
  ['a number', '7', `the value is not a JSON array of "host:port": '7'`],
  ['a nested array', '["a:1",["b:1"]]', `entry 1 is not a string: [ 'b:1' ]; the value is '["a:1",["b:1"]]'`],
  ['null in the list', '[null]', `entry 0 is not a string: null; the value is '[null]'`],
  ['no port', '["10.0.0.1"]', `entry 0 is not host:port: '10.0.0.1'; the value is '["10.0.0.1"]'`],
  ['port 0', '["10.0.0.1:0"]', `entry 0 is not host:port: '10.0.0.1:0'; the value is '["10.0.0.1:0"]'`],
  ['port 70000', '["a:1","b:70000"]', `entry 1 is not host:port: 'b:70000'; the value is '["a:1","b:70000"]'`],
  [
    'an octet with a leading zero',
    '["10.0.0.01:1"]',
    `entry 0 is not host:port: '10.0.0.01:1'; the value is '["10.0.0.01:1"]'`,
  ],
  ['a URL', '["https://a:1"]', `entry 0 is not host:port: 'https://a:1'; the value is '["https://a:1"]'`],
  ['an empty entry', '[""]', `entry 0 is not host:port: ''; the value is '[""]'`],
  [
    'IPv6 without brackets',
    '["fd00::1:6443"]',
    `entry 0 is not host:port: 'fd00::1:6443'; the value is '["fd00::1:6443"]'`,
  ],
])('parseAddresses names the value and the invalid entry of %s', (_title, value, message) => {
  expect(messageOfInvalid(value)).toBe(message)
})

test('parseAddresses refuses bytes that are not UTF-8', () => {
  expect(messageOfInvalid(Uint8Array.of(0x5b, 0xff, 0xfe))).toBe("the value is not UTF-8: '[ÿþ'")
})

test('parseAddresses refuses a value over 1 MiB', () => {
  expect(messageOfInvalid(Buffer.alloc((1 << 20) + 1, 0x20))).toBe('the value has 1048577 bytes, more than 1048576')
})

test('parseAddresses refuses a list with more than 20,000 entries', () => {
  expect(messageOfInvalid(JSON.stringify(Array.from({ length: 20_001 }, (_, i) => `h${i}:1`)))).toMatch(
    /^the value has more than 20000 entries: /,
  )
})

test('parseAddresses accepts a list with 10,000 entries', () => {
  expect(parse(JSON.stringify(Array.from({ length: 10_000 }, (_, i) => `h${i}:1`)))).toHaveLength(10_000)
})

test('parseAddresses of any bytes returns a list that is sorted, unique, normalised and not empty, or one short line', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: 'binary' }).map((text) => new TextEncoder().encode(text)),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc
      .array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.string()).map((host) => `${host}:6443`))
      .map((entries) => Buffer.from(JSON.stringify(entries))),
  )
  fc.assert(
    fc.property(anything, (value) => {
      const parsed = parseAddresses(value)
      if (parsed.kind === 'list') {
        expect(parsed.addresses).toEqual([...new Set(parsed.addresses)].toSorted())
        expect(parsed.addresses.length).toBeGreaterThan(0)
        for (const address of parsed.addresses) {
          expect(normalizeAddress(address)).toBe(address)
          expect(new URL(`https://${address}`).username).toBe('')
        }
      } else {
        expect(parsed.message).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
        expect(parsed.message.length).toBeLessThan(400)
      }
    }),
    { numRuns: 2000 },
  )
})

test('parseAddresses returns the same list for any order and any number of duplicates', () => {
  const address = fc
    .tuple(fc.oneof(fc.ipV4(), fc.domain()), fc.integer({ min: 1, max: 65_535 }))
    .map(([host, port]) => `${host}:${port}`)
  fc.assert(
    fc.property(fc.array(address, { minLength: 1 }), fc.func(fc.nat()), (addresses, order) => {
      const shuffled = [...addresses, ...addresses].toSorted((a, b) => order(a) - order(b))
      expect(parse(JSON.stringify(shuffled))).toEqual(parse(JSON.stringify(addresses)))
    }),
  )
})
