export type Series = { name: string; labels: Record<string, string>; value: number }

/** Parses metrics in the subset of Prometheus' text format that this service uses. */
export function readMetrics(text: string) {
  const series = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name = '', labels = '', value]): Series => ({
      name,
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text = '']) => [label, text])
      ),
      value: Number(value)
    })
  )
  const seriesOf = (name: string) => series.filter(entry => entry.name === name)
  return {
    text,
    series,
    seriesOf,
    /** Returns the value of the only series with these labels. It may have others. */
    valueOf(name: string, labels: Record<string, string> = {}) {
      const found = seriesOf(name).filter(entry =>
        Object.entries(labels).every(([label, value]) => entry.labels[label] === value)
      )
      if (found.length > 1) throw new Error(`${found.length} series ${name} have these labels`)
      return found[0]?.value
    }
  }
}

/** The names of all series that a scrape can contain. */
export const namesIn = (text: string) =>
  new Set(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]
    )
  )

/** The metrics in a PromQL expression: the names outside of selectors, functions and clauses. */
export const metricsOf = (expression: string) =>
  [
    ...expression
      .replaceAll(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without) \([^)]*\)/g, ' ')
      .matchAll(/(?<![\w.])[a-z_]\w*(?!\w|\s*\()/g)
  ]
    .map(([name]) => name)
    .filter(name => !['and', 'or', 'unless'].includes(name))
