import neostandard from 'neostandard'

export default neostandard({ ts: true, ignores: ['dist', 'data', '.tap', 'src/adapters/prisma', 'examples/openapi.d.ts'] })
