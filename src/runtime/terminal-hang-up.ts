import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'

const isTerminal = (stream: number) => isatty(stream)

/** The standard streams that were a terminal when this process started. */
const terminals = [0, 1, 2].filter(isTerminal)

/**
 * Whether the terminal of this process has been closed. Always false if it was started without one,
 * so that a SIGHUP from elsewhere isn't mistaken for a closed terminal.
 */
export const terminalIsGone = () =>
  terminals.some(stream => !isTerminal(stream) && isCharacterDevice(stream))

/** False for a stream that this process has closed, and for a file opened in its place. */
function isCharacterDevice(stream: number) {
  try {
    return fstatSync(stream).isCharacterDevice()
  } catch {
    return false
  }
}

/**
 * Keeps the process running on SIGHUP and SIGUSR2, whose default action ends it. Call this first,
 * because until then a signal is fatal.
 */
export function surviveSignals() {
  process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})
}

/**
 * Ends the process by a signal when it exits after its terminal was closed. At exit Node 20 fails
 * to restore the terminal's settings, and then aborts or loops forever.
 */
export function exitWithoutTerminal() {
  process.on('exit', () => {
    if (terminalIsGone()) process.kill(process.pid, 'SIGKILL')
  })
}

/**
 * Calls `stop` once when the terminal is closed. The kernel doesn't send SIGHUP to a background
 * job, so this also checks the terminal every second.
 */
export function onTerminalGone(stop: () => void) {
  if (terminals.length === 0) return
  const timer = setInterval(check, 1000).unref()
  process.on('SIGHUP', check)
  function check() {
    if (!terminalIsGone()) return
    clearInterval(timer)
    process.off('SIGHUP', check)
    stop()
  }
}
