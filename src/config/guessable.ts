/** Placeholders of examples and patterns of a keyboard, which don't occur in random secrets. */
const words = new RegExp(
  [
    'change|replace|secret|passw[o0]r|passwd|example|placeholder|default|sample|please|insert',
    'generate|random|qwerty|asdfgh|zxcvbn|abcdefg|1234567|deadbeef|cafebabe|feedface|baadf00d'
  ].join('|'),
  'i'
)

/** The fifty most frequent pairs of letters in English, which cover more than half of a text. */
const englishPairs = new Set(
  (
    'th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ' +
    've co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur'
  ).split(' ')
)

/**
 * Whether a secret was typed, counted up, repeated or copied from an example instead of generated
 * at random. `text` is its hex or base64url form and `bytes` the decoded value. Fewer than one in a
 * million random secrets of 32 bytes is a false positive.
 */
export function isGuessable(text: string, bytes: Uint8Array): boolean {
  const hex = /^[0-9a-f]+$/i.test(text)
  const alphabet = hex
    ? '0123456789abcdef'
    : 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const digits = [...(hex ? text.toLowerCase() : text.replaceAll('+', '-').replaceAll('/', '_'))]
    .map(character => alphabet.indexOf(character))
    .filter(digit => digit !== -1)
  return (
    words.test(text) ||
    /^\d+$/.test(text) ||
    isText(bytes) ||
    (!hex && isEnglish(text)) ||
    entropyRatio([...bytes], 256) < 0.8 ||
    entropyRatio(digits, alphabet.length) < 0.6 ||
    isProgression([...bytes], 256) ||
    isProgression(digits, alphabet.length)
  )
}

/** Whether more than nine of ten bytes are printable ASCII, as in an encoded text. */
const isText = (bytes: Uint8Array) =>
  bytes.filter(byte => byte >= 0x20 && byte <= 0x7e).length > 0.9 * bytes.length

function isEnglish(text: string) {
  const pairs = [...text.toLowerCase()].slice(1).map((letter, n) => text[n]?.toLowerCase() + letter)
  return pairs.filter(pair => englishPairs.has(pair)).length > 0.32 * pairs.length
}

/**
 * Whether the values are a repetition, a sequence, or several of them interleaved. Then their
 * differences at some distance have few values.
 */
function isProgression(values: number[], base: number) {
  // Requires differences of 96 bits in total. With fewer bits random secrets would match, such as
  // one in 200,000 with sixteen hex digits.
  const minDifferences = 96 / Math.log2(base)
  for (let distance = 1; distance <= values.length - minDifferences; distance++) {
    const differences = values
      .slice(distance)
      .map((value, n) => (value - (values[n] ?? 0) + base) % base)
    if (entropyRatio(differences, base) < 0.5) return true
  }
  return false
}

/** The entropy of the values' frequencies, relative to the maximum for this number of values. */
function entropyRatio(values: number[], base: number) {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const entropy = [...counts.values()].reduce(
    (sum, count) => sum - (count / values.length) * Math.log2(count / values.length),
    0
  )
  return entropy / Math.log2(Math.min(values.length, base))
}
