/**
 * The placeholders of each notice, each with a value of the maximum length. Every notice also has
 * the placeholder `brand`.
 */
export const noticePlaceholders = {
  /** Goes to the old number. `ending`: the last two digits of the new one. */
  phoneChanged: { ending: '00' }
} as const

export type NoticeName = keyof typeof noticePlaceholders

/** A message about a change of an account, without a code. */
export type Notice = {
  [Name in NoticeName]: {
    name: Name
    values: Readonly<Record<keyof (typeof noticePlaceholders)[Name], string>>
  }
}[NoticeName]

export const noticeNames = Object.keys(noticePlaceholders) as NoticeName[] // Widened to string.
