import type { FastifyInstance } from 'fastify'

/** The fields of a form. The values of a repeated field are a list. */
export type FormFields = Record<string, string | string[]>

/** Twilio signs each field, and to check thousands of them would take milliseconds. */
const mostFields = 100

/**
 * Makes forms of at most 100 fields the only accepted content type of the routes of `app`. `app` is
 * the instance of a plugin, so that the other routes are not affected.
 */
export function addFormBodyParser(app: FastifyInstance) {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      const form = new URLSearchParams(String(body))
      if (form.size <= mostFields) done(null, toFields(form))
      else done(Object.assign(new Error('the form has too many fields'), { statusCode: 413 }))
    }
  )
}

function toFields(form: URLSearchParams): FormFields {
  // A form may have a field with the name `__proto__`, which must not be special here.
  const fields: FormFields = Object.create(null)
  for (const [name, value] of form) {
    const earlier = fields[name]
    if (Array.isArray(earlier)) earlier.push(value)
    else fields[name] = earlier === undefined ? value : [earlier, value]
  }
  return fields
}
