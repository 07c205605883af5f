import { expect, test } from 'vitest'
import { restarts } from '../../bench/report/restart.ts'
import { restart, simulateRestart } from '../../bench/simulation/restart.ts'
import { restartStrategies } from '../../bench/simulation/strategies.ts'
import type { Strategy } from '../../bench/simulation/strategies.ts'

const inputs = { listUs: 300, connectUs: 1500, watchUs: 200, eventUs: 30, streamKb: 100 }
const [everySecond, every5Seconds, , thisPackage] = restartStrategies as [Strategy, Strategy, Strategy, Strategy]
const outcome = (nodes: number, restarting: number, strategy: Strategy, seed?: number) =>
  simulateRestart({ nodes, restarting, ...restart }, strategy, inputs, seed)

test('simulateRestart returns the same outcome for the same seed, and another for another seed', () => {
  expect(outcome(200, 3, thisPackage, 7)).toEqual(outcome(200, 3, thisPackage, 7))
  expect(outcome(200, 3, thisPackage, 7)).not.toEqual(outcome(200, 3, thisPackage, 8))
})

test('simulateRestart lets nodes with a fixed interval connect as close together as they were lost', () => {
  const { peakConnectsPerSecond, connectsPerNode } = outcome(600, 3, every5Seconds)
  expect(peakConnectsPerSecond).toBe(600)
  expect(connectsPerNode).toBe(6)
})

test('simulateRestart lets nodes with jitter send fewer requests in the busiest second', () => {
  const { peakRequestsPerSecond } = outcome(600, 3, thisPackage)
  expect(peakRequestsPerSecond).toBeLessThan(outcome(600, 3, everySecond).peakRequestsPerSecond)
})

test('simulateRestart moves the nodes of one apiserver to the others with one connect each', () => {
  const { connectsPerNode, lastDelayMs } = outcome(600, 1, thisPackage)
  expect(connectsPerNode).toBe(1)
  expect(lastDelayMs).toBeLessThan(restart.awayMs)
})

test('simulateRestart ends with a watch of every node, also with 20,000 nodes', () => {
  for (const strategy of restartStrategies) expect(outcome(20_000, 3, strategy).lastDelayMs).toBeGreaterThan(0)
})

test('restarts has a row for each size, restart and strategy, and the load of watches', () => {
  const text = restarts(inputs, [100, 300, 600])
  expect(text.match(/^\| [\d,]+ /gm)).toHaveLength(3 * 2 * restartStrategies.length)
  expect(text).toContain('600 nodes send each of the three apiservers 2.67 lists')
  expect(text).not.toMatch(/NaN|undefined/)
})
