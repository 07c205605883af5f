import * as echarts from 'echarts'
import { peers } from './baselines.ts'
import type { ByPeer } from './baselines.ts'
import { median, tidy } from './stats.ts'

/** How long after a write each waiting process knew: one dot a sample, one row a peer, and the median. */
export function drawWake(samples: ByPeer<number[]>): string {
  const measured = peers.filter(({ id }) => samples[id] !== undefined).toReversed()
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 90 + 55 * measured.length })
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    title: { text: 'How long after a write a waiting process knows', left: 16, top: 10, textStyle: { fontSize: 16 } },
    grid: { left: 170, right: 90, top: 50, bottom: 50 },
    xAxis: {
      type: 'log',
      name: 'milliseconds',
      nameLocation: 'middle',
      nameGap: 28,
      min: 1,
      max: 10_000,
      splitLine: { show: true },
    },
    yAxis: { type: 'value', min: -0.5, max: measured.length - 0.5, show: false },
    series: measured.map(({ id, name }, row) => {
      const values = samples[id] ?? []
      const ours = id === 'this-package'
      return {
        type: 'scatter',
        symbolSize: 7,
        itemStyle: { color: ours ? '#c2410c' : '#475569', opacity: 0.45 },
        // Spread over the row, always in the same way, so that dots do not hide each other.
        data: values.map((value, index) => [Math.max(value, 1), row + (((index * 0.618) % 1) - 0.5) * 0.5]),
        markLine: {
          symbol: 'none',
          silent: true,
          lineStyle: { type: 'solid', width: 2, color: ours ? '#c2410c' : '#0f172a' },
          label: { formatter: `${tidy(median(values))} ms`, position: 'end', color: '#0f172a' },
          data: [[{ coord: [median(values), row - 0.35] }, { coord: [median(values), row + 0.35] }]],
        },
        markPoint: {
          silent: true,
          symbolSize: 0,
          label: {
            show: true,
            formatter: name,
            position: 'left',
            color: '#0f172a',
            fontWeight: ours ? 'bold' : 'normal',
          },
          data: [{ coord: [1, row], symbolOffset: [-12, 0] }],
        },
      }
    }),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}
