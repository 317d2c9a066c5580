/** What an operator may name a person: 1 to 64 characters without spaces, quotes or control characters. */
export const usernamePattern = /^[\p{L}\p{M}\p{N}._@+-]{1,64}$/u

/** The form in which usernames are compared: width, composition and case don't tell two people apart (after RFC 8265 §3.3). */
export const usernameKey = (username: string) => username.normalize('NFKC').toLowerCase().normalize('NFKC')
