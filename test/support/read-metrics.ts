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
