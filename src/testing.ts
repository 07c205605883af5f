import type { FakeApiservers, FakeOptions } from './testing/api.ts'
import { Fake } from './testing/fake-apiservers.ts'

export type { FakeApiservers, FakeOptions, OpenCall } from './testing/api.ts'

/**
 * Returns both functions of the package over a list in memory, for the tests of programs that use them. They run the
 * package's own code for options, waiting, following, events and errors, and open no file and no socket.
 */
export function createFakeApiservers(options: FakeOptions = {}): FakeApiservers {
  return new Fake(options)
}
