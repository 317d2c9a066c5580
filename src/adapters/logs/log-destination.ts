import { writeSync } from 'node:fs'

/** Milliseconds for which lines are buffered, and after which a failed write is retried. */
const flushInterval = 50
/** About how many characters are buffered while the log can't be written. */
const bufferSize = 1024 * 1024

/**
 * The destination of pino's lines: an open file, by default standard output.
 *
 * With `buffered`, lines are written up to 50 ms late, because at each write a password hash may
 * take the CPU core from a request.
 *
 * A failed write (the disk is full, the reader has exited) does not stop the service. One MiB of
 * lines is kept until the log can be written again. Further lines are lost, and standard error and
 * then the log report that. pino's own destination would retry in a loop that blocks the process.
 */
export function createLogDestination({ buffered, file = 1 }: { buffered: boolean; file?: number }) {
  let text = ''
  // The bytes that a write left out.
  let rest = Buffer.alloc(0)
  let failing = false
  let reported = false
  let lost = 0
  let timer: NodeJS.Timeout | undefined

  function write(line: string) {
    if (rest.length + text.length + line.length > bufferSize) {
      lost++
      return
    }
    text += line
    if (buffered || failing) flushLater()
    else flushSync()
  }

  function flushSync() {
    clearTimeout(timer)
    timer = undefined
    rest = Buffer.concat([rest, Buffer.from(text)])
    text = ''
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(file, rest))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException // fs throws no other.
      // EAGAIN: the pipe is full because its reader is slow.
      if (code !== 'EAGAIN' && !reported) {
        writeToStderr(`sms-login can't write its log and continues without it: ${message}`)
        reported = true
      }
      failing = true
      flushLater()
      return
    }
    failing = reported = false
    if (lost === 0) return
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      lost,
      msg: 'log lines were lost because the log could not be written'
    }
    lost = 0
    write(`${JSON.stringify(line)}\n`)
  }

  function flushLater() {
    timer ??= setTimeout(flushSync, flushInterval).unref()
  }

  // Runs before the listener that ends a process whose terminal was closed.
  process.prependListener('exit', flushSync)
  return { write, flushSync }
}

function writeToStderr(line: string) {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // Standard error may be on the same full disk.
  }
}
