/** A machine with a network address, on which one node of K3s runs: a network namespace, or a container. */
export interface Host {
  readonly name: string
  /** The address of the host, without a port. */
  readonly address: string
  /** The data directory of its node. This machine has it at the same path. */
  readonly dataDir: string
  /** Starts `k3s` with these arguments. When it ends by itself it is started again, as a service manager does. */
  start(args: readonly string[]): Promise<void>
  /** Runs `k3s` with these arguments to its end. Resolves with its output: a reset ends with an exit code above 0. */
  run(args: readonly string[]): Promise<string>
  /** Ends `k3s` with SIGTERM, and waits for its end. */
  stop(): Promise<void>
  /** Ends `k3s` with SIGKILL, and waits for its end. The network of the host stays. */
  kill(): Promise<void>
  /** Returns the command line of a program of this machine that runs in the network of the host. */
  enter(commandLine: readonly string[]): string[]
  /** Returns the end of the log of `k3s`. */
  log(): Promise<string>
}

/** Hosts in one network. Nothing of them is left when they are disposed of. */
export interface Hosts extends AsyncDisposable {
  readonly list: readonly Host[]
}

/** The first three numbers of the addresses of the hosts. */
export const network = '10.77.0'
