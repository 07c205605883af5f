import { parseDuration } from './duration.ts'

/** What follows a flag, and how it is read. A flag without a kind is a switch. */
export interface Kind {
  /** Stands for it in `--help`. */
  readonly value: string
  /** The rest of the sentence that begins with the flag's name. */
  readonly rule: string
  /** `undefined` for a text that breaks the rule. */
  readonly read: (text: string) => unknown
  /** Several may be given, by repetition or with commas. */
  readonly list?: true
}

/** One flag of the command. */
export interface Flag {
  readonly help: string
  readonly kind?: Kind
  /** The library's option it sets. */
  readonly option?: string
  /** etcdctl's variable for the same thing; the flag wins. */
  readonly variable?: string
}

const text = (value: string): Kind => ({ value, rule: 'must not be empty', read: (given) => given.trim() || undefined })
const list = (value: string): Kind => ({ ...text(value), list: true })
const time: Kind = { value: 'TIME', rule: 'must be a time such as 250ms, 3s, 5m or 1m30s', read: parseDuration }
const number: Kind = {
  value: 'N',
  rule: 'must be a number',
  read: (given) => (/^\d+(\.\d+)?$/.test(given) ? Number(given) : undefined),
}
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
const level: Kind = {
  value: 'LEVEL',
  rule: `must be one of ${levels.join(', ')}`,
  read: (given) => levels.find((name) => name === given),
}

const groups: Readonly<Record<string, Readonly<Record<string, Flag>>>> = {
  'What to wait for:': {
    min: { kind: number, option: 'minAddresses', help: 'at least N addresses (1)' },
    expect: { kind: list('HOST'), option: 'expect', help: 'this host or host:port in the list; may be repeated' },
    settle: { kind: time, option: 'settleMs', help: 'the same list for this long (0)' },
    probe: {
      kind: text('KIND'),
      option: 'probe',
      help: 'ask each address if it is alive: tcp, tls or readyz;\nthen only those that are count, and the dead come last',
    },
    timeout: { kind: time, option: 'timeoutMs', help: 'give up after this long, or infinity (15m)' },
  },
  'What to print:': {
    watch: { help: 'stay, and print all addresses in one line per change' },
    'shrink-delay': {
      kind: time,
      option: 'shrinkDelayMs',
      help: 'with --watch: how long an address must be gone (3s)',
    },
    'probe-interval': {
      kind: time,
      option: 'probeIntervalMs',
      help: 'with --watch and --probe: how often to ask (10s)',
    },
    json: { help: 'print JSON, one object a line' },
    'log-level': {
      kind: level,
      help: 'from trace to fatal, or silent (info); on a terminal\nthis gives JSON lines instead of the live display',
    },
    help: { help: 'print this and exit' },
    version: { help: 'print the version and exit' },
  },
  'Where to look:': {
    distribution: { kind: text('NAME'), option: 'distribution', help: 'rke2 or k3s (rke2)' },
    'data-dir': { kind: text('DIR'), option: 'dataDir', help: 'its data directory (/var/lib/rancher/NAME)' },
    endpoints: {
      kind: list('URL'),
      option: 'endpoints',
      variable: 'ETCDCTL_ENDPOINTS',
      help: "etcd's client URLs (https://127.0.0.1:2379)",
    },
    cacert: {
      kind: text('FILE'),
      option: 'tls.caFile',
      variable: 'ETCDCTL_CACERT',
      help: 'CA (DIR/server/tls/etcd/server-ca.crt)',
    },
    cert: {
      kind: text('FILE'),
      option: 'tls.certFile',
      variable: 'ETCDCTL_CERT',
      help: 'client certificate (.../client.crt)',
    },
    key: {
      kind: text('FILE'),
      option: 'tls.keyFile',
      variable: 'ETCDCTL_KEY',
      help: 'its private key (.../client.key)',
    },
    user: {
      kind: text('NAME'),
      option: 'credentials.username',
      variable: 'ETCDCTL_USER',
      help: 'where etcd has auth switched on; the password is taken\nfrom ETCDCTL_PASSWORD',
    },
    'address-key': { kind: text('KEY'), option: 'key', help: 'the key that holds the list (NAME/apiaddresses)' },
  },
  'How to ask:': {
    'attempt-timeout': {
      kind: time,
      option: 'attemptTimeoutMs',
      help: 'deadline of one read, connecting included (5s)',
    },
    'probe-timeout': { kind: time, option: 'probeTimeoutMs', help: 'deadline of one probe (2s)' },
    'max-attempts': { kind: number, option: 'retry.maxAttempts', help: 'reads at most (no limit)' },
    'initial-delay': { kind: time, option: 'retry.initialDelayMs', help: 'first pause between reads (250ms)' },
    'max-delay': { kind: time, option: 'retry.maxDelayMs', help: 'longest pause (1.9s)' },
    factor: { kind: number, option: 'retry.factor', help: 'each pause is this many times the last (2)' },
    jitter: { kind: text('KIND'), option: 'retry.jitter', help: 'equal, full or none (equal)' },
  },
}

/** Every flag by its name, without the dashes. */
export const flags: Readonly<Record<string, Flag>> = Object.assign({}, ...Object.values(groups))

const sections = Object.entries(groups).map(([title, group]) => {
  const lines = Object.entries(group).map(([name, { kind, help }]) => {
    const flag = `  --${name}${kind === undefined ? '' : ` ${kind.value}`}`
    return flag.padEnd(26) + help.replaceAll('\n', `\n${' '.repeat(26)}`)
  })
  return [title, ...lines].join('\n')
})

/** What `--help` prints. */
export const help: string = `Usage: rke2-apiserver-resolver [flags]

Waits until the etcd of an RKE2 or K3s server lists the cluster's apiservers,
and prints their addresses, one host:port a line. On an RKE2 server no flag is
needed.

${sections.join('\n\n')}

TIME is 250ms, 3s, 5m, 1h or 1m30s. Several HOSTs or URLs have commas between
them. ETCDCTL_ENDPOINTS, ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY and
ETCDCTL_USER (name or name:password) are used where the flag is not given.

Addresses go to stdout, everything else to stderr. Exit status:
  0  the addresses were printed; also a watch that was stopped by a signal
  1  waiting longer cannot help, or --max-attempts was reached
  2  wrong usage
  3  --timeout was reached
  130, 143  stopped by SIGINT, SIGTERM before there was a list
  137  killed itself, as a file system that does not answer had kept it

In a unit file, give systemd more time than --timeout:
  ExecStartPre=/usr/bin/env rke2-apiserver-resolver --min 3 --timeout 10m
  TimeoutStartSec=11m
`
