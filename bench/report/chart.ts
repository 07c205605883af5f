import * as echarts from 'echarts'
import { baselines } from '../baselines.ts'
import type { ByBaseline } from '../baselines.ts'
import { median } from '../stats.ts'
import { threeDigits } from './markdown.ts'

export const wakeChartTitle = 'Time from a write until a waiting process has the list'

const black = '#0f172a'

/** Draws the samples of `wake` as SVG: one row for each program, one dot for each sample, and the median as a line. */
export function drawWake(samples: ByBaseline<number[]>): string {
  const measured = baselines.filter(({ id }) => samples[id] !== undefined).toReversed()
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 90 + 55 * measured.length })
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    title: { text: wakeChartTitle, left: 16, top: 10, textStyle: { fontSize: 16 } },
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
    series: measured.map(({ id, name }, row) => series(name, samples[id] ?? [], row, id === 'this-package')),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function series(name: string, values: readonly number[], row: number, highlighted: boolean) {
  return {
    type: 'scatter',
    symbolSize: 7,
    itemStyle: { color: highlighted ? '#c2410c' : '#475569', opacity: 0.45 },
    // Spread over the row, so that the dots do not hide each other, and not at random, so that the file stays the same.
    data: values.map((value, index) => [Math.max(value, 1), row + (((index * 0.618) % 1) - 0.5) * 0.5]),
    markLine: {
      symbol: 'none',
      silent: true,
      lineStyle: { type: 'solid', width: 2, color: highlighted ? '#c2410c' : black },
      label: { formatter: `${threeDigits(median(values))} ms`, position: 'end', color: black },
      data: [[{ coord: [median(values), row - 0.35] }, { coord: [median(values), row + 0.35] }]],
    },
    markPoint: {
      silent: true,
      symbolSize: 0,
      label: {
        show: true,
        formatter: name,
        position: 'left',
        color: black,
        fontWeight: highlighted ? 'bold' : 'normal',
      },
      data: [{ coord: [1, row], symbolOffset: [-12, 0] }],
    },
  }
}
