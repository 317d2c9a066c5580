import { fallbackTags, maximized, parentTag, withoutLikelyScript } from './language-tags.ts'
import type { Wording } from './wording.ts'

/**
 * The wording for the first of these languages that has one; undefined when none has. Callers may
 * send anything, so invalid tags are ignored.
 */
export function matchLanguage(
  wordings: readonly Wording[],
  tags: readonly string[]
): Wording | undefined {
  const find = (rule: (supported: Keys) => boolean) =>
    wordings.find(({ language }) => rule(keysOf(language)))
  for (const tag of tags) {
    for (const requested of fallbackTags(tag).map(keysOf)) {
      const found =
        find(({ tag }) => tag === requested.tag) ??
        // A file for one region also serves the language without a region: sv-SE for sv.
        find(({ full }) => full === requested.full) ??
        // Any region of a variety also serves its other regions: en-GB for en-AU, via en-001.
        (/-\d+$/.test(requested.tag) ? find(({ parent }) => parent === requested.tag) : undefined)
      if (found !== undefined) return found
    }
  }
  return undefined
}

type Keys = { tag: string; full: string; parent: string | undefined }

function keysOf(tag: string): Keys {
  const keys = known.get(tag) ?? {
    tag: withoutLikelyScript(tag),
    full: maximized(tag),
    parent: parentTag(tag)
  }
  if (known.size < 1000) known.set(tag, keys)
  return keys
}

// Cached, because Intl takes microseconds per tag, and every message looks up all of them.
const known = new Map<string, Keys>()
