type Node = { value: object; key: string; parent: Node | undefined; depth: number }

/**
 * Finds a key in this JSON that could change a prototype: `__proto__`, or `constructor` with a
 * `prototype` in it. `path` leads to the key, and is empty when the key is nested too deeply.
 * Undefined when there is no such key or the text is not JSON.
 */
export function forbiddenKey(json: string): { key: string; path: string[] } | undefined {
  const nodes = children(parsed(json), undefined, '')
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    for (const [key, value] of Object.entries(node.value)) {
      if (key === '__proto__' || (key === 'constructor' && hasPrototype(value)))
        return { key, path: node.depth > 8 ? [] : [...pathTo(node), key] }
      nodes.push(...children(value, node, key))
    }
  }
  return undefined
}

// An explicit stack, because 16 KiB of brackets would overflow the call stack of a recursion.
const children = (value: unknown, parent: Node | undefined, key: string): Node[] =>
  typeof value === 'object' && value !== null
    ? [{ value, key, parent, depth: (parent?.depth ?? 0) + 1 }]
    : []

const hasPrototype = (value: unknown) =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')

const pathTo = ({ key, parent }: Node): string[] =>
  parent === undefined ? [] : [...pathTo(parent), key]

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
