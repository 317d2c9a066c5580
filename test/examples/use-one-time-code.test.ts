import t from 'tap'
import { skipUnlessInstalled } from '../support/separate-packages.ts'

const folder = '../../examples/react/'
const skip = skipUnlessInstalled('examples/react')

t.test('the React example passes its tests', { skip }, async () => {
  await import(new URL(`${folder}use-one-time-code.test.ts`, import.meta.url).href)
})
