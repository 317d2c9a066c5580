/** The country calling codes of one and two digits (ITU-T E.164); all others have three. */
const callingCode = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/

/** Enough for the owner to recognise the number, e.g. `+1•••••••06`; always seven dots, so not even its length is told. */
export const maskPhone = (phone: string) => `${callingCode.exec(phone)?.[0] ?? '+'}•••••••${phone.slice(-2)}`
