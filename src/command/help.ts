import { flags, groups, variableOf } from './flags.ts'
import type { Flag } from './flags.ts'

const textColumn = 26
const columns = 80

function lineOf([name, { type, help, short }]: [string, Flag]): string {
  const names = short === undefined ? `--${name}` : `-${short}, --${name}`
  const flag = `  ${names}${type === undefined ? '' : ` ${type.placeholder}`}`
  return flag.padEnd(textColumn) + help.replaceAll('\n', `\n${' '.repeat(textColumn)}`)
}

const sections = Object.entries(groups).map(([title, group]) =>
  [title, ...Object.entries(group).map(lineOf)].join('\n'),
)

const prefix = 'RKE2_APISERVER_RESOLVER'

/** Returns the variables of all flags, without what they begin with, in lines of at most 80 columns. */
function variables(): string {
  const names = Object.keys(flags).flatMap((name) => variableOf(name)?.slice(prefix.length) ?? [])
  const lines = [' ']
  for (const [index, name] of names.entries()) {
    const text = ` ${name}${index < names.length - 1 ? ',' : ''}`
    if ((lines.at(-1) + text).length > columns) lines.push(' ')
    lines.push(lines.pop() + text)
  }
  return lines.join('\n')
}

/** The text that `--help` prints. */
export const help: string = `Usage: rke2-apiserver-resolver [flags] [-- COMMAND [ARG]...]

Waits until an RKE2 or K3s cluster lists its apiservers, and prints their
addresses, one host:port per line. On a node, no flag is needed.

Examples:
  Wait for three apiservers that are ready, for ten minutes at most:
    rke2-apiserver-resolver --min 3 --probe readyz --timeout 10m
  Then start a program, with the addresses in APISERVER_ADDRESSES:
    rke2-apiserver-resolver --min 3 -- my-program --port 8080
  Keep a file up to date, for other programs to read:
    rke2-apiserver-resolver --watch --probe readyz --output /run/apiservers
  In a systemd unit, with a start timeout that is longer than --timeout:
    ExecStartPre=/usr/bin/env rke2-apiserver-resolver --min 3 --timeout 10m
    TimeoutStartSec=11m

${sections.join('\n\n')}

TIME is 250ms, 3s, 5m, 1h or 1m30s. Several HOSTs or URLs are separated by
commas.

COMMAND starts after the wait, and not if the wait fails. It has the addresses
in APISERVER_ADDRESSES and their URLs in APISERVER_URLS, separated by commas.
Signals are passed on to it.

A flag that is not given is read from its variable,
${prefix} with one of these endings:
${variables()}
For a flag that takes no value, such as --watch, the variable is 1 or true, or
0 or false.
Then come ETCDCTL_ENDPOINTS, ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY and
ETCDCTL_USER (name or name:password), unless the source is kubernetes.

Addresses go to stdout, everything else goes to stderr. Exit status:
  0  the addresses were printed, or a signal stopped a watch that had a list
  1  waiting longer cannot help, --max-attempts was reached, or the addresses
     could not be written
  2  the usage is wrong
  3  --timeout was reached
  126  COMMAND cannot be run
  127  COMMAND is not found
  130, 143  SIGINT or SIGTERM came before there was a list
  137, 139  the command killed itself: a file system or DNS does not answer
With COMMAND, its exit status, or 128 and the number of the signal that ended
it.

Documentation: docs/cli.md in the repository of rke2-apiserver-resolver
`
