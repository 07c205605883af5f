import { groups } from './flags.ts'
import type { Flag } from './flags.ts'

const textColumn = 26

function lineOf([name, { type, help }]: [string, Flag]): string {
  const flag = `  --${name}${type === undefined ? '' : ` ${type.placeholder}`}`
  return flag.padEnd(textColumn) + help.replaceAll('\n', `\n${' '.repeat(textColumn)}`)
}

const sections = Object.entries(groups).map(([title, group]) =>
  [title, ...Object.entries(group).map(lineOf)].join('\n'),
)

/** The text that `--help` prints. */
export const help: string = `Usage: rke2-apiserver-resolver [flags]

Waits until the etcd of an RKE2 or K3s server lists the apiservers of the
cluster, and prints their addresses, one host:port per line. On an RKE2 server,
no flag is needed.

${sections.join('\n\n')}

TIME is 250ms, 3s, 5m, 1h or 1m30s. Several HOSTs or URLs are separated by
commas. ETCDCTL_ENDPOINTS, ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY and
ETCDCTL_USER (name or name:password) are used when the flag is not given.

Addresses go to stdout, everything else goes to stderr. Exit status:
  0  the addresses were printed, or a signal stopped a watch that had a list
  1  waiting longer cannot help, or --max-attempts was reached
  2  the usage is wrong
  3  --timeout was reached
  130, 143  SIGINT or SIGTERM came before there was a list
  137  the command killed itself: a file system or DNS does not answer

In a systemd unit, set a start timeout that is longer than --timeout:
  ExecStartPre=/usr/bin/env rke2-apiserver-resolver --min 3 --timeout 10m
  TimeoutStartSec=11m
`
