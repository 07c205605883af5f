export type { AddressChange, AddressList, ProbedAddress, ResolvedAddresses } from './addresses/list.ts'
export type { DiagnosticsMessage, ResolveTrace } from './diagnostics.ts'
export type { TlsFiles } from './rke2.ts'
export { ApiserverAddressError } from './errors.ts'
export type { ErrorCode, ErrorDetails, Reason } from './errors.ts'
export type {
  AbortedEvent,
  ApiserverAddressEvent,
  ApiserverAddressEvents,
  AttemptEvent,
  ChangedEvent,
  ClosedEvent,
  ConnectedEvent,
  DisconnectedEvent,
  FailedEvent,
  HeldEvent,
  IgnoredEvent,
  PhaseEvent,
  ProbedEvent,
  ResolvedEvent,
  ResyncedEvent,
  RetryEvent,
  WakeEvent,
} from './events.ts'
export type { Logger, ProbeKind, ResolveOptions, RetryOptions, WatchOptions } from './options.ts'
export { resolveApiserverAddresses } from './resolve.ts'
export { watchApiserverAddresses } from './watch.ts'
export type { ApiserverAddressWatch, WatchApiserverAddresses } from './watch.ts'
