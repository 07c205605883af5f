import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { forging } from '../../support/fuzz.ts'

const parse = (options: unknown) => parseOptions(options, 'watch')
const names = [...Object.keys(parse({})), 'distribution', '__proto__', 'constructor', 'toString', 'a\nb\u202e']
const fail = () => {
  throw new Error('from a trap')
}
const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic

/** Values that throw when they are read, or are unusual in another way. */
const traps: unknown[] = [
  cyclic,
  Object.defineProperty({}, 'a', { get: fail, enumerable: true }),
  ...['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf'].map(
    (trap) => new Proxy({}, { [trap]: fail }),
  ),
  new Proxy([], { get: fail }),
  (({ proxy, revoke }) => (revoke(), proxy))(Proxy.revocable({}, {})),
  ...['toString', 'valueOf', 'toJSON', 'then', Symbol.toPrimitive, Symbol.iterator].map((name) => ({ [name]: fail })),
  ...['constructor', Symbol.toStringTag].map((name) => Object.defineProperty({}, name, { get: fail })),
  { [Symbol.for('nodejs.util.inspect.custom')]: fail },
  JSON.parse('{"__proto__":{"minAddresses":0}}'),
  Object.create({ minAddresses: 0 }),
  Symbol('a\nb'),
  5n,
  'x'.repeat(1 << 20),
  'a\u0000b\nc\u2028d\ud800',
  Array.from({ length: 10_000 }, () => 'a'),
  Object.assign([], { length: 10_000 }),
  new Uint8Array(100_000),
  new Date(NaN),
  () => {},
  EventTarget,
  new String('a'),
  NaN,
  -0,
]

/** Returns what is wrong with the way in which these options were refused, if they were refused. */
function problemWith(options: unknown): string | undefined {
  // CPU time, which does not depend on other processes.
  const before = process.cpuUsage()
  let problem
  try {
    parse(options)
  } catch (error) {
    if (!(error instanceof TypeError)) problem = `not a TypeError: ${String(error)}`
    else if (!/^(Option "|Unknown option "|The options )/.test(error.message)) {
      problem = `it names no option: ${error.message}`
    } else if (forging.test(error.message)) problem = `it forges: ${JSON.stringify(error.message)}`
    else if (error.message.length > 400) problem = 'it is long'
  }
  return process.cpuUsage(before).user / 1000 > 2000 ? 'it is slow' : problem
}

test(`parseOptions accepts or refuses ${traps.length} traps as options, as ${names.length} options and as their parts`, () => {
  for (const [index, trap] of traps.entries()) {
    expect(problemWith(trap), `trap ${index}`).toBeUndefined()
    for (const name of names) {
      // Not {[name]: trap}, which would set the prototype for __proto__.
      const as = (value: unknown) => Object.defineProperty({}, name, { value, enumerable: true })
      expect(problemWith(as(trap)), `trap ${index} as ${name}`).toBeUndefined()
      expect(problemWith(as([trap])), `trap ${index} in ${name}`).toBeUndefined()
      for (const part of ['caFile', 'keyFile', 'username', 'password', 'jitter', 'factor', 'maxAttempts', 'other']) {
        const parts = { caFile: 'a', certFile: 'b', keyFile: 'c', username: 'u', password: 'p', [part]: trap }
        expect(problemWith(as(parts)), `trap ${index} as ${name}.${part}`).toBeUndefined()
      }
    }
  }
  expect(Object.prototype).not.toHaveProperty('minAddresses')
})

test('parseOptions accepts or refuses random values as options', () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    stringUnit: 'binary',
  })
  const options = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'binary' })), anything)
  fc.assert(
    fc.property(fc.oneof(options, anything), (given) => {
      expect(problemWith(given)).toBeUndefined()
    }),
    { numRuns: 2000 },
  )
})
