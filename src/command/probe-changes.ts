import type { ProbedAddress } from '../addresses/list.ts'
import { isUnverified } from '../call/describe.ts'

/** Returns a line for each address that has died or is alive again and, at first, one for unverified certificates. */
export function describeProbeChanges(before: readonly ProbedAddress[], after: readonly ProbedAddress[]): string[] {
  const wasDead = addressesThatAre('dead', before)
  const isAlive = addressesThatAre('alive', after)
  const died = after.filter(({ address, state }) => state === 'dead' && !wasDead.has(address))
  const returned = [...wasDead].filter((address) => isAlive.has(address))
  const lines = died.map(({ address, cause }) => `${address} is dead: ${cause}`)
  lines.push(...returned.map((address) => `${address} is alive again`))
  if (before.length === 0 && after.some(isUnverified)) lines.push('certificates not verified: the CA cannot be read')
  return lines
}

const addressesThatAre = (state: ProbedAddress['state'], probes: readonly ProbedAddress[]): ReadonlySet<string> =>
  new Set(probes.filter((probe) => probe.state === state).map(({ address }) => address))
