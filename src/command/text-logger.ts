import type { Writable } from 'node:stream'
import type { Logger } from '../options.ts'
import { printable } from '../util/text.ts'
import { priorityPrefix } from './journal.ts'
import { levels } from './value-types.ts'
import type { Level } from './value-types.ts'

type Fields = Readonly<Record<string, unknown>>

/** The text has the hint already, and the key and the package are the same in every line. */
const hidden = new Set(['name', 'key', 'hint'])

/**
 * Returns a logger that writes one line for each entry: the text, and then the fields as `name=value`.
 *
 * @param isJournal whether each line starts with its priority, as for the journal of systemd
 */
export function createTextLogger(stream: Writable, level: Level = 'info', isJournal = false): Logger {
  const write = (of: Level) => (fields: Fields, text: string) => {
    if (levels.indexOf(of) < levels.indexOf(level)) return
    const { message, endpoint } = splitEndpoint(text)
    // Elsewhere, the level is a field. It is left out where it is the usual one.
    const shown = { level: isJournal || of === 'info' ? undefined : of, endpoint, ...fields }
    const parts = Object.entries(shown).flatMap(([name, value]) => (hidden.has(name) ? [] : pair(name, value)))
    stream.write(`${isJournal ? priorityPrefix(of) : ''}${[printable(message), ...parts].join(' ')}\n`)
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** Takes the endpoint out of a text: what has happened must begin within the 80 columns of a terminal or a journal. */
function splitEndpoint(text: string): { readonly message: string; readonly endpoint?: string | undefined } {
  const found = /^(.*?: )?(https?:\/\/\S+): /.exec(text)
  if (found === null) return { message: text }
  const [start, wait = '', endpoint] = found
  return { message: wait + text.slice(start.length), endpoint }
}

/** Returns `name=value`; nothing for a value that says nothing. */
function pair(name: string, value: unknown): string[] {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return []
  return [`${name}=${textOf(value)}`]
}

function textOf(value: unknown): string {
  const isList = Array.isArray(value) && value.every((each) => typeof each === 'string')
  const text = isList ? value.join(',') : value
  const isPlain = typeof text === 'string' && /^[^\s"=]+$/.test(text)
  return printable(isPlain ? text : JSON.stringify(text))
}
