import type { Plugin } from 'rolldown'
import { asciiCode } from './ascii-code.ts'
import { etcdDescriptor } from './etcd-descriptor.ts'
import { thirdPartyLicenses } from './third-party-licenses.ts'
import { withoutParser } from './without-parser.ts'
import { withoutPerformance } from './without-performance.ts'
import { withoutReflection } from './without-reflection.ts'
import { withoutUnused } from './without-unused.ts'
import { withoutWebAssembly } from './without-webassembly.ts'

/** Returns the rolldown plugins for every build that contains the dependencies. */
export const bundlePlugins = (): Plugin[] => [
  etcdDescriptor(),
  withoutParser(),
  withoutPerformance(),
  withoutReflection(),
  withoutUnused(),
  withoutWebAssembly(),
  thirdPartyLicenses(),
  asciiCode(),
]
