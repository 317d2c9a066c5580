import { asciiDigit } from '../ascii-digit.ts'

/**
 * What a value in a message could be mistaken for: a code, a phone number or a link. Undefined for
 * an ordinary name, amount or reference.
 */
export function lookalikeOf(value: string, codeLength: number): string | undefined {
  const text = plain(value)
  if (isLink(text)) return 'a link'
  const withoutReferences = text.replaceAll(iban, ' ').replaceAll(isbn, ' ')
  // Readers mistake digits among words for a phone number or a code, but not an amount that stands
  // alone.
  if (amount.test(value)) return undefined
  if (isPhone(withoutReferences)) return 'a phone number'
  if (isCode(withoutReferences, codeLength)) return 'a code'
  return undefined
}

/**
 * The value as a reader, or a phone that looks for links, understands it: with digits, dots and
 * hyphens in ASCII.
 */
const plain = (value: string) =>
  value
    .normalize('NFKC')
    .replaceAll(/\p{Nd}/gu, asciiDigit)
    .replaceAll('零', '〇')
    // A single numeral is a part of a word, as in 一郎. Two or more in a row are a number.
    .replaceAll(/[〇一二三四五六七八九]{2,}/g, digits =>
      [...digits].map(digit => '〇一二三四五六七八九'.indexOf(digit)).join('')
    )
    .replaceAll(/[。․]/g, '.')
    .replaceAll(/\p{Pd}|−/gu, '-')
    .replaceAll('\u200c', '')
    .toLowerCase()

/** An IBAN or a creditor reference (ISO 11649), with or without spaces between groups of four. */
const iban = new RegExp(
  String.raw`(?<![\p{L}\d])[a-z]{2}\d{2}` +
    String.raw`(?=(?: ?[a-z\d]){11,30}(?![\p{L}\d]))` +
    String.raw`(?: ?[a-z\d]{4}){2,7}(?: ?[a-z\d]{1,3})?(?![\p{L}\d])`,
  'gu'
)

/** An ISBN of 13 digits. */
const isbn = /\bisbn[: ]{1,2}97[89](?:-?\d){10}(?![\d-])/g

const isLink = (text: string) =>
  /:\/\/|\.\p{L}[\p{L}\p{M}]|\.xn--/u.test(text) ||
  /\b(?:https?|ftp|mailto|tel|sms|smsto|geo|upi|intent|whatsapp)\s*:/.test(text) ||
  /[[(]\s*(?:\.|dot)\s*[\])]|\bdot\s+(?:com|net|org|info|io|app|co)\b/.test(text) ||
  isAddress(text)

/** An IPv4 address, which phones turn into a link; a grouped amount is not one. */
const isAddress = (text: string) =>
  /(?<![\d.])\d{1,3}(\.\d{1,3}){3}(?![\d.])/.test(text) && !/^\d{1,3}(\.\d{3})+(,\d+)?$/.test(text)

/**
 * A number alone, perhaps in groups of three digits, or of two and three as in India. One with a
 * leading zero and ten digits or more is a phone number.
 */
const amount = /^-?(?!0[1-9]\d{8})(?:\d+|\d{1,3}(?:[,.' ]\d{2,3})*[,.' ]\d{3})(?:[.,]\d+)?$/

const callWord = word(
  `call(?:s|ed|ing)? ring phone telephone tel telefon telefono telefone telefoon tél téléphone
  mobile mobil móvil cell celular dial text sms whatsapp hotline fax handy llama llame llamar
  llamada appelez appeler appelle ruf rufen anruf anrufen chiama chiami chiamare ligue ligar bel
  bellen zadzwoń dzwoń numer ara arayın arayin telefonu اتصل هاتف تلفون कॉल फोन फ़ोन звоните тел
  телефон`,
  '電話 电话 致電 致电 でんわ 전화'
)
const codeWord = word(
  `codes? kode kodu? kody kodunuz código codigo códigos codice codici anmeldecode logincode clave
  contraseña pin otp totp tan token passcode password passwort kennwort senha parola passe
  wachtwoord hasło şifre sifre رمز رمزك الرمز كود کد कोड पासवर्ड код пароль κωδικός קוד`,
  'コード 暗証 認証 验证码 驗證碼 码 碼 코드 인증'
)

/** Matches the words of `spaced` only as whole words, and those of `unspaced` anywhere. */
function word(spaced: string, unspaced: string): RegExp {
  const either = (words: string) => words.split(/\s+/).join('|')
  return new RegExp(`(?<!\\p{L})(?:${either(spaced)})(?![\\p{L}\\p{M}])|${either(unspaced)}`, 'iu')
}

const digitsIn = (text: string) => text.replaceAll(/\D/g, '').length

const isPhone = (text: string) =>
  // International: a plus sign or 00, and at least seven digits.
  /(?<!\d)(?:\+|00)[\s(]*\d(?:[^\p{L}\d]{0,3}\d){6,}/u.test(text) ||
  // With an area code in parentheses, or grouped as in North America.
  /\(\d{2,5}\)(?:[ -]?\d){5,}/.test(text) ||
  /(?<!\d)(?:1[-. ])?\d{3}[-. ]\d{3}[-. ]\d{4}(?!\d)/.test(text) ||
  // National, with a trunk prefix, in one piece or in groups.
  /(?<![\d-])0[1-9]\d{8,10}(?!\d)/.test(text) ||
  (/(?<![\d-])0\d{1,4}(?:[ /.-]\d{2,8}){1,4}(?!\d)/.test(text) && hasNationalNumber(text)) ||
  (callWord.test(text) && /\d(?:[^\p{L}\d]{0,3}\d){5,}/u.test(text.replaceAll(date, ' ')))

const hasNationalNumber = (text: string) =>
  (text.match(/(?<![\d-])0\d{1,4}(?:[ /.-]\d{2,8}){1,4}(?!\d)/g) ?? []).some(
    number => digitsIn(number) >= 9 && digitsIn(number) <= 12
  )

const date = new RegExp(
  String.raw`(?<!\d)(?:` +
    String.raw`\d{4}[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])|` +
    String.raw`(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|3[01])[-./](?:\d{4}|\d{2})` +
    String.raw`)(?!\d)`,
  'g'
)

function isCode(text: string, length: number): boolean {
  const undated = text.replaceAll(date, ' ')
  return (
    isNamedCode(text, undated) ||
    isInOnePiece(text, length) ||
    isInHalves(text, length) ||
    isInGroups(undated, length) ||
    isSpelledOut(undated)
  )
}

/**
 * Together with a word such as "code" or "PIN", four or more digits are a code, however they are
 * grouped.
 */
const isNamedCode = (text: string, undated: string) =>
  codeWord.test(text) && /\d(?:[^\p{L}\d]{0,3}\d){3,}/u.test(undated)

const isInOnePiece = (text: string, length: number) =>
  new RegExp(`(?<!\\d)\\d{${length}}(?!\\d)`).test(text)

/** 123-456 */
function isInHalves(text: string, length: number): boolean {
  const half = Math.floor(length / 2)
  return new RegExp(`(?<!\\d[ -]?)\\d{${half}}[ -]\\d{${length - half}}(?![ -]?\\d)`).test(text)
}

/** 12 34 56, or groups of other sizes. */
const isInGroups = (text: string, length: number) =>
  (text.match(/(?<!\d[ .,']?)\d+(?: \d+)+(?![ .,']?\d)/g) ?? []).some(
    group => digitsIn(group) === length
  )

/** 1-2-3-4-5-6 */
const isSpelledOut = (text: string) =>
  /(?<!\d[^\p{L}\d]?)\d(?:[^\p{L}\d]{1,3}\d){5,7}(?![^\p{L}\d]?\d)/u.test(text)
