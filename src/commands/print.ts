// Without a listener, a failed write would end the process with a stack trace.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

/**
 * Writes a command's output to standard output, and waits until the reader has taken it. Resolves
 * to false if the reader has closed the pipe (`npm run users -- list | head -3`). Throws an Error
 * of one line if the write fails for another reason, such as a full disk.
 */
export const print = (text: string) =>
  new Promise<boolean>((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error?: (Error & { code?: string }) | null) => {
      if (!error) resolve(true)
      else if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') resolve(false)
      else reject(new Error(`The output could not be written: ${error.message}`))
    })
  })
