import type { core } from 'zod/mini'
import { excerpt, printable, secret } from '../util/text.ts'
import { isWatchOnly } from './schema.ts'

const maxLength = 400

/** Returns the error that names the option and its value, for an issue that the schema has found in these options. */
export function optionError(issue: core.$ZodIssue | undefined, options: unknown): TypeError {
  return new TypeError(printable(describeIssue(issue, options)).slice(0, maxLength).toWellFormed())
}

function describeIssue(issue: core.$ZodIssue | undefined, options: unknown): string {
  if (issue === undefined) return 'Invalid options'
  if (issue.code === 'unrecognized_keys') {
    const ofWatch = issue.keys.find((key) => issue.path.length === 0 && isWatchOnly(key))
    if (ofWatch !== undefined) return `Option "${ofWatch}" is only for watchApiserverAddresses`
    return `Unknown option ${issue.keys.map((key) => `"${nameOf([...issue.path, key])}"`).join(', ')}`
  }
  if (issue.path.length === 0) return `The options ${issue.message}${describeValue(options)}`
  // The value is not shown, because a mistyped password is still a password.
  if (issue.path[0] === 'credentials') return `Option "${nameOf(issue.path)}" ${issue.message}`
  const path = isSingleEndpoint(issue, options) ? ['endpoints'] : issue.path
  const value = path.reduce<unknown>((from, part) => Reflect.get(Object(from), part), options)
  return `Option "${nameOf(path)}" ${issue.message}${describeValue(value)}`
}

/**
 * Returns whether the issue is about one endpoint that was given as a string: the schema checks it as an array of one.
 */
function isSingleEndpoint({ path }: core.$ZodIssue, options: unknown): boolean {
  return path[0] === 'endpoints' && typeof Reflect.get(Object(options), 'endpoints') === 'string'
}

/** Returns the name of an option as in code, such as `tls.caFile` or `expect[1]`. */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`))
    .join('')
}

/**
 * Returns the end of a message. A text that may be a secret is not shown, also in an option that is not for secrets.
 */
function describeValue(value: unknown): string {
  return typeof value === 'string' && secret.test(value) ? '' : `, got ${excerpt(value, -1)}`
}
