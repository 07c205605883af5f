import { styleText } from 'node:util'
import type { LogLine } from './resolver.ts'

const timeWidth = 9
const latencyWidth = 16
const reasonWidth = 19
const indent = ' '.repeat(timeWidth + latencyWidth + reasonWidth)
const messageWidth = Math.max(Math.min(process.stdout.columns ?? 100, 100) - indent.length, 30)

/** Prints one line for each thing that happens, at the time when it happens. It needs no terminal. */
export interface Screen {
  server(action: string): void
  /** @param since the time of the server's action that this line is about */
  resolver(line: LogLine, since: number): void
}

export function openScreen(): Screen {
  const start = performance.now()
  const time = (at: number) => faint(`${((at - start) / 1000).toFixed(2)} s`.padStart(timeWidth - 2).padEnd(timeWidth))

  console.log(faint('   time  ') + bold('the server') + faint(', and └ what the command reports about it') + '\n')
  return {
    server: (action) => console.log(time(performance.now()) + bold(action)),
    resolver({ at, reason, message }, since) {
      const latency = faint(`└ after ${duration(at - since)}`.padEnd(latencyWidth))
      const text = wrap(message, messageWidth).join(`\n${indent}`)
      console.log(time(at) + latency + reason.padEnd(reasonWidth) + faint(text))
    },
  }
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.ceil(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= columns) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

// styleText returns the text unchanged if stdout is not a terminal or NO_COLOR is set.
function bold(text: string): string {
  return styleText('bold', text)
}

function faint(text: string): string {
  return styleText('dim', text)
}
