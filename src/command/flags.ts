import { level, list, logFormat, number, text, time, userName } from './value-types.ts'
import type { ValueType } from './value-types.ts'

/** One flag of the command. */
export interface Flag {
  /** The text in `--help`, where a default is in parentheses. */
  readonly help: string
  /** The type of the value; `undefined` for a switch. */
  readonly type?: ValueType
  /** The option of the library that the flag sets. */
  readonly option?: string
  /** The variable of etcdctl that is used when neither the flag nor its own variable is given. */
  readonly etcdctlVariable?: string
  /** The letter of the short form. */
  readonly short?: string
  /** The flag prints something and ends the command. It is no setting, and has no variable. */
  readonly isAction?: true
}

type Flags = Readonly<Record<string, Flag>>

const waiting: Flags = {
  min: { type: number, option: 'minAddresses', help: 'at least N addresses (1)' },
  expect: { type: list('HOST'), option: 'expect', help: 'this host or host:port is in the list; may be repeated' },
  settle: { type: time, option: 'settleMs', help: 'the list stays the same for this long (0)' },
  probe: {
    type: text('KIND'),
    option: 'probe',
    help: 'probe each address by tcp, tls or readyz: only live\naddresses count, and dead ones come last',
  },
  timeout: { type: time, option: 'timeoutMs', help: 'give up after this long, or never: infinity (15m)' },
}

const printing: Flags = {
  watch: { help: 'keep running, and print one line with all addresses\nat every change' },
  'shrink-delay': {
    type: time,
    option: 'shrinkDelayMs',
    help: 'with --watch: remove an address after it has been\nmissing for this long (etcd: 3s, kubernetes: 30s)',
  },
  'probe-interval': {
    type: time,
    option: 'probeIntervalMs',
    help: 'with --watch and --probe: time between probes (10s)',
  },
  json: { help: 'print one JSON object per line' },
  output: {
    type: text('FILE'),
    help: 'replace FILE, with one address per line, and print\nnothing; a reader never sees a part of a list',
  },
  'log-level': {
    type: level,
    help: 'trace, debug, info, warn, error, fatal or silent\n(info); on a terminal, lines replace the live line',
  },
  'log-format': {
    type: logFormat,
    help: 'text, json, or the live line on a terminal, text in\nthe journal of systemd and JSON elsewhere (auto)',
  },
  help: { help: 'print this help and exit', short: 'h', isAction: true },
  version: { help: 'print the version and exit', short: 'V', isAction: true },
}

const reading: Flags = {
  source: {
    type: text('SOURCE'),
    option: 'source',
    help: 'etcd, kubernetes, or what fits this node (auto)',
  },
  distribution: { type: text('NAME'), option: 'distribution', help: 'rke2, k3s, or what this node is (auto)' },
  'data-dir': { type: text('DIR'), option: 'dataDir', help: 'data directory (/var/lib/rancher/NAME)' },
  endpoints: {
    type: list('URL'),
    option: 'endpoints',
    etcdctlVariable: 'ETCDCTL_ENDPOINTS',
    help: 'URLs of etcd or of apiservers\n(etcd: https://127.0.0.1:2379,https://[::1]:2379)',
  },
  cacert: {
    type: text('FILE'),
    option: 'tls.caFile',
    etcdctlVariable: 'ETCDCTL_CACERT',
    help: 'CA (etcd: DIR/server/tls/etcd/server-ca.crt)',
  },
  cert: {
    type: text('FILE'),
    option: 'tls.certFile',
    etcdctlVariable: 'ETCDCTL_CERT',
    help: 'client certificate (etcd: .../client.crt)',
  },
  key: {
    type: text('FILE'),
    option: 'tls.keyFile',
    etcdctlVariable: 'ETCDCTL_KEY',
    help: 'key of the client certificate (etcd: .../client.key)',
  },
  user: {
    type: userName,
    option: 'credentials.username',
    etcdctlVariable: 'ETCDCTL_USER',
    help: 'user, if etcd has auth switched on; the password is\nread from ETCDCTL_PASSWORD',
  },
  'token-file': { type: text('FILE'), option: 'tokenFile', help: 'bearer token for kubernetes' },
  'address-key': { type: text('KEY'), option: 'key', help: 'the etcd key of the list (NAME/apiaddresses)' },
}

const retrying: Flags = {
  'attempt-timeout': {
    type: time,
    option: 'attemptTimeoutMs',
    help: 'deadline of one read, including the connection\n(etcd: 5s, kubernetes: 10s)',
  },
  'probe-timeout': { type: time, option: 'probeTimeoutMs', help: 'deadline of one probe (2s)' },
  'max-attempts': { type: number, option: 'retry.maxAttempts', help: 'largest number of reads (no limit)' },
  'initial-delay': { type: time, option: 'retry.initialDelayMs', help: 'first pause between reads (250ms)' },
  'max-delay': { type: time, option: 'retry.maxDelayMs', help: 'longest pause between reads (1.9s)' },
  factor: { type: number, option: 'retry.factor', help: 'each pause is this many times the last one (2)' },
  jitter: { type: text('KIND'), option: 'retry.jitter', help: 'equal, full or none (equal)' },
}

/** The flags in the groups of `--help`. */
export const groups: Readonly<Record<string, Flags>> = {
  'What to wait for:': waiting,
  'What to print:': printing,
  'Where to read:': reading,
  'How to read:': retrying,
}

/** Every flag by its name, without the dashes. */
export const flags: Flags = { ...waiting, ...printing, ...reading, ...retrying }

/** Returns the variable that is used when a flag is not given; `undefined` if the flag is no setting. */
export const variableOf = (name: string): string | undefined =>
  flags[name]?.isAction === true ? undefined : `RKE2_APISERVER_RESOLVER_${name.toUpperCase().replaceAll('-', '_')}`

/** Returns the flag that sets an option, with its dashes. */
export function flagOf(option: string): string {
  const [name] = Object.entries(flags).find(([, flag]) => flag.option === option) ?? [option]
  return `--${name}`
}
