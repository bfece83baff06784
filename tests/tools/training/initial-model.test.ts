// What training starts from where a pretrained backbone is given: layers behind the model's last one do not matter, anything else
// that does not fit is an error, and a missing file says how to make it.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeSafetensors } from '../../../src/formats/safetensors.ts'
import { fromFloat32, type StateDict, toFloat32 } from '../../../src/formats/state-dict.ts'
import { parseConfig } from '../../../src/siamrpn/config.ts'
import { micro } from '../../../src/siamrpn/configs/micro.ts'
import { initialWeights } from '../../../src/siamrpn/initial-weights.ts'
import { initialModel } from '../../../tools/training/initial-model.ts'
import { temporaryFolder } from './helpers.ts'

const plain = parseConfig(micro)
const one = (value: number) => fromFloat32(Float32Array.of(value), [1])

/** Starts from a file with the model's own backbone of another seed, changed. */
async function start(change: (backbone: StateDict) => void) {
  const drawn = initialWeights(plain.model, 9)
  const backbone: StateDict = new Map([...drawn].filter(([name]) => name.startsWith('backbone.')))
  change(backbone)
  const checkpoint = join(await temporaryFolder(), 'backbone.safetensors')
  await writeFile(checkpoint, writeSafetensors(backbone))
  return { drawn, ...(await startFrom(checkpoint)) }
}

async function startFrom(checkpoint: string) {
  const said: string[] = []
  const init_cfg = { type: 'Pretrained', checkpoint, prefix: null } as const
  const config = { ...plain, model: { ...plain.model, backbone: { ...plain.model.backbone, init_cfg } } }
  const options = { seed: 0, loadFrom: null, mayLackBackbone: false, say: (line: string) => said.push(line) }
  return { state: (await initialModel(config, options)).state, said }
}

test('layers behind the last one of the model are left out, and named', async () => {
  const { state, said, drawn } = await start((backbone) => {
    backbone.set('backbone.layer9.0.conv1.weight', one(1))
    backbone.set('backbone.layer9.0.bn1.weight', one(2))
    backbone.set('backbone.conv9.weight', one(3))
  })
  expect(said.join()).toContain('without layer9, conv9, the rest drawn')
  const name = 'backbone.conv1.weight'
  expect(toFloat32(state.get(name)!)).toEqual(toFloat32(drawn.get(name)!))
  expect([...state.keys()]).toEqual([...drawn.keys()])
})

test('an unknown tensor inside of a layer is an error', async () => {
  await expect(start((backbone) => backbone.set('backbone.conv1.surplus', one(1)))).rejects.toThrow(
    'backbone.conv1.surplus',
  )
})

test('a file that `npm run pretrained` makes is missing: that is said', async () => {
  await expect(startFrom('models/pretrained/nobody.safetensors')).rejects.toThrow('make it with `npm run pretrained`')
})
