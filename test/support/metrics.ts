/** A number of etcd's /metrics, summed over its labels. */
export type Metrics = (name: string) => number

export function readMetrics(text: string): Metrics {
  const lines = text.split('\n')
  return (name) =>
    lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
