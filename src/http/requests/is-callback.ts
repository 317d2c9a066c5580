import type { FastifyRequest } from 'fastify'

/**
 * Whether a request is for a path of Twilio's callbacks. No browser calls these, and they come from
 * few addresses in great numbers.
 */
export const isCallback = ({ url }: Pick<FastifyRequest, 'url'>) => url.startsWith('/twilio/')
