import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addressList,
  excerpt,
  normalizeAddress,
  normalizeHost,
  parseAddresses,
} from '../../../src/addresses/addresses.ts'

const parse = (value: string) => parseAddresses(Buffer.from(value))
const list = (value: string) => {
  const parsed = parse(value)
  return parsed.kind === 'list' ? parsed.addresses : parsed
}
const invalid = (value: string | Uint8Array) => {
  const parsed = parseAddresses(typeof value === 'string' ? Buffer.from(value) : value)
  expect(parsed.kind).toBe('invalid-value')
  return parsed.kind === 'invalid-value' ? parsed.message : ''
}

describe('a list', () => {
  test.each([
    ['as RKE2 writes it, with a newline', '["10.0.0.1:6443","10.0.0.2:6443"]\n', ['10.0.0.1:6443', '10.0.0.2:6443']],
    ['without a newline', '["10.0.0.1:6443"]', ['10.0.0.1:6443']],
    ['with white space everywhere', ' [ "10.0.0.1:6443" ,\n "10.0.0.2:6443" ] \n', ['10.0.0.1:6443', '10.0.0.2:6443']],
    ['in any order', '["b:1","a:1"]', ['a:1', 'b:1']],
    ['with duplicates', '["a:1","a:1","b:1"]', ['a:1', 'b:1']],
    [
      'with duplicates in different spellings',
      '["FD00::1:1","A:1"]'.replace('FD00::1:1', '[FD00:0::1]:1'),
      ['[fd00::1]:1', 'a:1'],
    ],
    ['with IPv6 in brackets', '["[fd00::1]:6443"]', ['[fd00::1]:6443']],
    ['with an IPv4 address in IPv6', '["[::ffff:10.0.0.1]:6443"]', ['[::ffff:a00:1]:6443']],
    ['with hostnames', '["server-1.example.org:6443"]', ['server-1.example.org:6443']],
    ['with the first and the last port', '["a:1","a:65535"]', ['a:1', 'a:65535']],
  ])('%s', (_name, value, addresses) => {
    expect(list(value)).toEqual(addresses)
  })
})

describe('nothing is set yet', () => {
  test.each([
    ['no key', undefined, 'the key does not exist yet'],
    ['empty', '', 'the key exists, and its value is empty'],
    ['a newline', '\n', 'the key exists, and its value is empty'],
    ['white space', ' \t\r\n ', 'the key exists, and its value is empty'],
    ['null', 'null\n', 'the key exists, and its value is null'],
    ['an empty list', '[]\n', 'the key exists, and its list is empty'],
    ['an empty list with space in it', '[ ]', 'the key exists, and its list is empty'],
  ])('%s', (_name, value, message) => {
    expect(parseAddresses(value === undefined ? undefined : Buffer.from(value))).toEqual({ kind: 'not-set', message })
  })
})

describe('an invalid value names its start and the entry that is wrong', () => {
  test.each([
    ['rubbish', 'rubbish', "the value is not JSON: 'rubbish'"],
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
  ])('%s', (_name, value, message) => {
    expect(invalid(value)).toBe(message)
  })

  test('bytes that are not UTF-8', () => {
    expect(invalid(Uint8Array.of(0x5b, 0xff, 0xfe))).toBe("the value is not UTF-8: '[ÿþ'")
  })

  test('a value over 1 MiB', () => {
    expect(invalid(Buffer.alloc((1 << 20) + 1, 0x20))).toBe('the value has 1048577 bytes, more than 1048576')
  })

  test('a list of too many entries', () => {
    expect(invalid(JSON.stringify(Array.from({ length: 20_001 }, (_, i) => `h${i}:1`)))).toMatch(
      /^the value has more than 20000 entries: /,
    )
  })

  test('10,000 entries are a list', () => {
    expect(list(JSON.stringify(Array.from({ length: 10_000 }, (_, i) => `h${i}:1`)))).toHaveLength(10_000)
  })
})

describe('whatever is stored', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: 'binary' }).map((text) => new TextEncoder().encode(text)),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc
      .array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.string()).map((host) => `${host}:6443`))
      .map((entries) => Buffer.from(JSON.stringify(entries))),
  )

  test('gives a list that is sorted, unique, normalised and not empty, or one short line', () => {
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

  test('is the same list in whatever order and however often it is stored', () => {
    const address = fc
      .tuple(fc.oneof(fc.ipV4(), fc.domain()), fc.integer({ min: 1, max: 65_535 }))
      .map(([host, port]) => `${host}:${port}`)
    fc.assert(
      fc.property(fc.array(address, { minLength: 1 }), fc.func(fc.nat()), (addresses, order) => {
        const shuffled = [...addresses, ...addresses].toSorted((a, b) => order(a) - order(b))
        expect(list(JSON.stringify(shuffled))).toEqual(list(JSON.stringify(addresses)))
      }),
    )
  })
})

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['Server-1', 'server-1'],
  ['FD00:0:0::1', '[fd00::1]'],
  ['[fd00::1]', '[fd00::1]'],
  ['fe80::1%eth0', undefined],
  ['0x7f.1', undefined],
  ['a.1', undefined],
  ['1.2.3.4.', undefined],
  ['[a.example]', undefined],
  ['1.2.3', undefined],
  ['1.2.3.256', undefined],
  ['010.0.0.1', undefined],
  ['-a', undefined],
  ['a..b', undefined],
  ['a b', undefined],
  ['', undefined],
])('the host %j is %j', (text, host) => {
  expect(normalizeHost(text)).toBe(host)
})

test('an excerpt is short, quoted and on one line', () => {
  expect(excerpt('a\nb\u001b[31m')).toBe("'a\\nb\\x1B[31m'")
  expect(excerpt('a\u2028\u202e')).toBe("'a\\u{2028}\\u{202e}'")
  expect(excerpt(Symbol('a\nb'))).toBe('Symbol(a\\u{a}b)')
  expect(excerpt(new Error('a\nb'))).not.toContain('\n')
  expect(excerpt({ [inspect.custom]: () => expect.fail('code of the value was run') })).toMatch(/^\{/)
  expect(excerpt('x'.repeat(1000)).length).toBeLessThan(140)
  expect(excerpt({ a: 'x'.repeat(1000), b: 'y'.repeat(1000) }).length).toBeLessThan(150)
})

test('a list has its URLs in the same order, and cannot be changed', () => {
  const { addresses, urls, revision } = addressList(['[fd00::1]:6443', 'a:1'], '42')
  expect({ addresses, urls, revision }).toEqual({
    addresses: ['[fd00::1]:6443', 'a:1'],
    urls: ['https://[fd00::1]:6443', 'https://a:1'],
    revision: '42',
  })
  expect(Object.isFrozen(addresses) && Object.isFrozen(urls)).toBe(true)
})
