import { randomBytes } from 'node:crypto'

/** 128 random bits as 22 base64url characters. */
export const randomId = () => randomBytes(16).toString('base64url')
