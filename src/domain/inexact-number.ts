const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]/gs

/**
 * The path of the first number in valid JSON that a double can't represent, or an empty path when
 * it is nested too deeply. JSON.parse rounds such a number silently, and only newer versions of
 * Node expose its source text. Only the first is reported, because thousands of numbers below a
 * long path would make a response of megabytes.
 */
export function inexactNumber(json: string): string[] | undefined {
  // The key or index being read, for each open object or array.
  const path: (string | number)[] = []
  let text = ''
  for (const [part] of json.matchAll(token)) {
    const last = path.at(-1)
    if (part === '{') path.push('')
    else if (part === '[') path.push(0)
    else if (part === '}' || part === ']') path.pop()
    else if (part === ',' && typeof last === 'number') path[path.length - 1] = last + 1
    else if (part === ':') path[path.length - 1] = String(JSON.parse(text))
    else if (part.startsWith('"')) text = part
    else if (part !== ',' && !isExact(part)) return path.length > 8 ? [] : path.map(String)
  }
  return undefined
}

/** Whether parsing keeps the value. 250.00 equals 250, and -0 equals 0. */
function isExact(number: string) {
  const read = Number(number)
  return Number.isFinite(read) && decimal(number) === decimal(String(read))
}

/** A canonical form: the significant digits and the power of ten of the last one. */
function decimal(number: string) {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  // Without the lookbehind, each zero in a long run starts another search: quadratic time.
  const significant = digits.replace(/(?<!0)0+$/, '')
  const power = Number(exponent) - fraction.length + digits.length - significant.length
  return significant === '' ? '0' : `${sign}${significant}e${power}`
}
