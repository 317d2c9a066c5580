/** The texts to a country whose codes ended within the last hour, and how many right codes came back. */
export type Conversion = { texts: number, verified: number }

/** When a country's texts look like fraud: premium numbers are texted for the money, and nobody types the codes. */
export type ConversionPolicy = {
  /** The least part of the texts, in percent, that has to be verified. 0: no guard. */
  floor: number
  /** Texts in an hour before the part says anything. */
  volume: number
  /** Seconds for which texts to the country stop. */
  pause: number
}

/** Whether so few of a country's texts were verified that somebody must be pumping it. */
export const isPumped = ({ texts, verified }: Conversion, { floor, volume }: ConversionPolicy) =>
  floor > 0 && texts >= volume && verified * 100 < texts * floor

/** Keeps the account of texts and right codes for each country, for all instances together. */
export type CountryTraffic = {
  /** When texts to this country go out again; null: now. */
  stoppedUntil: (country: string, now: Date) => Promise<Date | null>
  /** A text was handed over. */
  texted: (country: string, now: Date) => void
  /** A right code came back. */
  verified: (country: string) => void
}
