import type { Plugin } from 'rolldown'
import { asciiCode } from './ascii-code.ts'
import { etcdDescriptor } from './etcd-descriptor.ts'
import { lightPRetry } from './light-p-retry.ts'
import { thirdPartyLicenses } from './third-party-licenses.ts'
import { withoutParser } from './without-parser.ts'
import { withoutReflection } from './without-reflection.ts'
import { withoutUnused } from './without-unused.ts'
import { withoutWebAssembly } from './without-webassembly.ts'

/** Returns the rolldown plugins for every build that contains the dependencies. */
export const bundlePlugins = (): Plugin[] => [
  etcdDescriptor(),
  lightPRetry(),
  withoutParser(),
  withoutReflection(),
  withoutUnused(),
  withoutWebAssembly(),
  thirdPartyLicenses(),
  asciiCode(),
]
