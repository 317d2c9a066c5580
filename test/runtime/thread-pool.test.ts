import t from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { capConcurrencyToThreadPool, sizeThreadPool } from '../../src/runtime/thread-pool.ts'

t.test('two threads of the pool never hash, whatever the size of the pool', async t => {
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  const config = readConfig({ ARGON2_CONCURRENCY: '6' })
  const atOnce = (size?: string) => {
    delete process.env['UV_THREADPOOL_SIZE']
    if (size !== undefined) process.env['UV_THREADPOOL_SIZE'] = size
    return capConcurrencyToThreadPool(config).argon2.concurrency
  }
  t.same(
    [atOnce(), atOnce('1'), atOnce('many'), atOnce('5'), atOnce('8'), atOnce('64')],
    [2, 1, 1, 3, 6, 6]
  )

  for (const [said, size] of [
    [undefined, '8'],
    ['', '8'],
    ['5', '5']
  ] as const) {
    atOnce(said)
    sizeThreadPool(config)
    t.equal(process.env['UV_THREADPOOL_SIZE'], size)
  }
})
