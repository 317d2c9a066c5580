import type { FastifyRequest } from 'fastify'

/** Whether the route of a request reads a body. */
export const takesBody = ({ routeOptions }: FastifyRequest) =>
  routeOptions.schema?.body !== undefined
