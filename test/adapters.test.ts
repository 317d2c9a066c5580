import { runFolder } from './support/run-folder.ts'

runFolder('adapters')
