/** That of an e-mail address (RFC 3696, erratum 1690). A username and its key have this limit. */
export const maxUsernameLength = 254

/**
 * Letters and digits of any script, and what unquoted e-mail addresses contain (RFC 5322 `atext`).
 * The backtick is left out, because a shell runs what is between two of them, even in quotes.
 */
const usernamePattern = /^[\p{L}\p{M}\p{N}.@!#$%&'*+/=?^_{|}~-]+$/u

/**
 * Why a username can't be chosen, as a sentence for the operator; undefined when it can. The key is
 * limited too, because folding can make one character eighteen, and an index entry has a maximum
 * size.
 */
export function usernameError(username: string): string | undefined {
  if (username.length > maxUsernameLength || usernameKey(username).length > maxUsernameLength)
    return `The username must have at most ${maxUsernameLength} characters.`
  if (!usernamePattern.test(username))
    return (
      'The username must consist of letters, digits and characters that e-mail addresses ' +
      'contain, without spaces and quotation marks.'
    )
  return undefined
}

/**
 * The form in which usernames are compared. Width, composition and case make no difference (after
 * RFC 8265 §3.3).
 */
export const usernameKey = (username: string) =>
  username.normalize('NFKC').toLowerCase().normalize('NFKC')
