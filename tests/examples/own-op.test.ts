// examples/own-op.ts: the op's gradient is right, and docs/own-network.md shows this very file.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkSwish } from '../../examples/own-op.ts'
import { openDevice } from '../../src/gpu/device.ts'
import { random } from '../helpers/tensors.ts'

test('has the gradient of finite differences', async () => {
  const device = await openDevice()
  const values = (key: string, scale: number) => Float32Array.from(random(key, [70], scale).data)
  expect(await checkSwish(device, values('x', 4), values('w', 1))).toBeLessThan(1e-5)
  await device.close()
})

test.each(['own-op', 'classifier'])('docs/own-network.md shows examples/%s.ts', (name) => {
  const page = readFileSync(new URL('../../docs/own-network.md', import.meta.url), 'utf8')
  const source = readFileSync(new URL(`../../examples/${name}.ts`, import.meta.url), 'utf8')
  const body = source.slice(source.indexOf('\n\n') + 2, source.indexOf('\nif (process.argv'))
  expect(page).toContain(`\`\`\`ts\n${body}\`\`\`\n`)
})
