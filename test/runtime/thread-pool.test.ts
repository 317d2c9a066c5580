import t from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { capConcurrencyToThreadPool, sizeThreadPool } from '../../src/runtime/thread-pool.ts'

t.test('two threads of a pool of at least three never hash', async t => {
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  const config = readConfig({ ARGON2_CONCURRENCY: '6' })
  const concurrencyFor = (size?: string) => {
    delete process.env['UV_THREADPOOL_SIZE']
    if (size !== undefined) process.env['UV_THREADPOOL_SIZE'] = size
    return capConcurrencyToThreadPool(config).argon2.concurrency
  }
  t.same(
    [
      concurrencyFor(),
      concurrencyFor('1'),
      concurrencyFor('many'),
      concurrencyFor('5'),
      concurrencyFor('8'),
      concurrencyFor('64')
    ],
    [2, 1, 1, 3, 6, 6]
  )

  for (const [configured, size] of [
    [undefined, '8'],
    ['', '8'],
    ['5', '5']
  ] as const) {
    concurrencyFor(configured)
    sizeThreadPool(config)
    t.equal(process.env['UV_THREADPOOL_SIZE'], size)
  }
})
