import { testsIn } from './support/tests-in.ts'

testsIn('domain')
