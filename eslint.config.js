import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist', 'data', '.tap', 'src/adapters/prisma', 'examples/openapi.d.ts'] }),
  // What a browser has is known to the type check: tsconfig.page.json.
  { files: ['src/demo-page/*.js'], rules: { 'no-undef': 'off' } }
]
