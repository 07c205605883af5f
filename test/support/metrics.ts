/** Returns the value of one of etcd's metrics, as the sum over its labels. */
export type Metrics = (name: string) => number

/** Parses the text of etcd's /metrics. */
export function readMetrics(text: string): Metrics {
  const lines = text.split('\n')
  return (name) =>
    lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
