import { writeSync } from 'node:fs'

/** Milliseconds for which lines are gathered, and after which a write that failed is tried again. */
const pause = 50
/** About so many bytes are kept while they can't be written. */
const room = 1024 * 1024

/**
 * Where pino writes to: an open file, standard output unless told otherwise. With `gathering`, lines are up to 50 ms late: each
 * write is one more moment in which a hash may take the core from somebody who waits for an answer. A write that fails (the disk
 * is full, the reader is gone) stops nothing: a MiB of lines is kept until there is room again, what comes after it is lost, and
 * standard error and then the log say so. pino's own destination would try for ever, and answer nobody meanwhile.
 */
export function logDestination ({ gathering, file = 1 }: { gathering: boolean, file?: number }) {
  let text = ''
  // Of a write that was cut short, or failed.
  let rest = Buffer.alloc(0)
  let failing = false
  let told = false
  let lost = 0
  let timer: NodeJS.Timeout | undefined

  function write (line: string) {
    if (rest.length + text.length + line.length > room) {
      lost++
      return
    }
    text += line
    if (gathering || failing) later()
    else flushSync()
  }

  function flushSync () {
    clearTimeout(timer)
    timer = undefined
    rest = Buffer.concat([rest, Buffer.from(text)])
    text = ''
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(file, rest))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException // fs throws no other.
      // EAGAIN: a pipe that is full, as its reader is slow.
      if (code !== 'EAGAIN' && !told) {
        tellOperator(`sms-login can't write its log, and goes on without: ${message}`)
        told = true
      }
      failing = true
      later()
      return
    }
    failing = told = false
    if (lost === 0) return
    const line = { level: 'warn', time: new Date().toISOString(), lost, msg: 'the log could not be written for a while, and lines were lost' }
    lost = 0
    write(`${JSON.stringify(line)}\n`)
  }

  function later () {
    timer ??= setTimeout(flushSync, pause).unref()
  }

  process.on('exit', flushSync)
  return { write, flushSync }
}

function tellOperator (text: string) {
  try {
    writeSync(2, `${text}\n`)
  } catch {
    // The same disk, perhaps: there is nobody left to tell.
  }
}
