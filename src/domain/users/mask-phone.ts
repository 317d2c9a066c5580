/** Country calling codes (ITU-T E.164). All codes that are not listed have three digits. */
const callingCode = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/

/**
 * Masks a number so that its owner still recognizes it, for example `+1•••••••06`. There are always
 * seven dots, so the length isn't revealed.
 */
export const maskPhone = (phone: string) =>
  `${callingCode.exec(phone)?.[0] ?? '+'}•••••••${phone.slice(-2)}`
