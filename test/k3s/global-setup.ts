import { userInfo } from 'node:os'
import { limits } from './support/limits.ts'
import { sweepNamespaces } from './support/namespaces.ts'

/** Says at the start and, because the output of the tests is long, at the end again, what this run does not test. */
export default async function setup(): Promise<() => void> {
  if (userInfo().uid !== 0) throw new Error('npm run test:k3s must run as root: the nodes have networks of their own')
  await sweepNamespaces()
  report()
  return report
}

function report(): void {
  const notRun = limits(process.env)
  console.error(notRun.length === 0 ? 'test:k3s: everything runs.' : 'test:k3s: Not run:')
  for (const line of notRun) console.error(`  ${line}`)
}
