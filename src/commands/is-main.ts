import { realpathSync } from 'node:fs'

/**
 * Whether this module is the program that Node.js started. The program's path may contain symbolic
 * links, which a module's file name never does.
 */
export const isMain = ({ filename }: ImportMeta) =>
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === filename
