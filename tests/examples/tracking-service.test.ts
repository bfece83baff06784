// examples/tracking-service.ts: what comes over HTTP is what the tracker itself gives.

import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createService } from '../../examples/tracking-service.ts'
import { initialWeights, SiamRPN } from '../../src/index.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { random } from '../helpers/tensors.ts'

const config = namedConfig('micro')
const [width, height] = [96, 64]
const box = { x: 30, y: 20, width: 24, height: 18 }
const frames = [0, 1].map((k) => {
  return Uint8Array.from(random(`frame ${k}`, [width * height * 3], 127.5).data, (value) => value + 127.5)
})

let tracker: SiamRPN
let server: ReturnType<typeof createService>
let address: string
beforeAll(async () => {
  tracker = await SiamRPN.create(initialWeights(config.model, 1), { config })
  server = createService(tracker).listen(0)
  address = `http://localhost:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await tracker.close()
})

async function ask(method: string, path: string, body?: Uint8Array<ArrayBuffer>) {
  const response = await fetch(`${address}${path}`, { method, ...(body && { body }) })
  return { status: response.status, answer: await response.json() }
}

test('follows a target as the tracker does, and forgets it', async () => {
  const size = `width=${width}&height=${height}`
  const { answer } = await ask('POST', `/targets?${size}&box=30,20,24,18`, frames[0])
  expect(answer).toEqual({ id: '1' })
  const target = await tracker.init({ data: frames[0]!, width, height }, box)
  const { box: expected, score } = await target.update({ data: frames[1]!, width, height })
  expect(await ask('POST', `/targets/1?${size}`, frames[1])).toMatchObject({
    status: 200,
    answer: { box: { ...expected }, score },
  })
  expect(await ask('DELETE', '/targets/1')).toEqual({ status: 200, answer: {} })
  expect((await ask('POST', `/targets/1?${size}`, frames[1])).status).toBe(404)
})

test.each([
  ['POST', '/targets?width=96&height=60&box=1,2,30,40', 400, /expected 17280/],
  ['POST', '/targets?width=96&height=64&box=1,2,30', 400, /height/],
  ['POST', '/targets/7?width=96&height=64', 404, /no target 7/],
  ['POST', '/elsewhere', 404, /nothing at/],
] as const)('answers %s %s with %i and a reason', async (method, path, status, reason) => {
  const { status: found, answer } = await ask(method, path, frames[0])
  expect(found).toBe(status)
  expect(answer.error).toMatch(reason)
})
