// A file as pysot's training writes it of its AlexNet model in full size, with small numbers that stand for weights.

import { readFileSync } from 'node:fs'
import { fromPysotName } from '../../src/formats/pysot.ts'
import { fromFloat32, type NamedTensor } from '../../src/formats/state-dict.ts'
import { writeTorchZip } from '../../src/index.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'

interface Fixture {
  readonly name: string
  readonly entries: string
}

/** The names are PyTorch's own list; the shapes there are of a narrow model. */
export function pysotAlexNet(): Uint8Array {
  const fixtures: Fixture[] = JSON.parse(readFileSync(new URL('../siamrpn/pysot-models.json', import.meta.url), 'utf8'))
  const fixture = fixtures.find(({ name }) => name === 'alex')
  if (!fixture) throw new Error('There is no fixture named alex')
  const shapes = stateDictShapes(namedConfig('siamrpn_alex_dwxcorr').model)
  const state = new Map<string, NamedTensor>()
  for (const entry of fixture.entries.split(' ')) {
    const [name = ''] = entry.split(':')
    const shape = shapes.get(fromPysotName(name))
    if (!shape) throw new Error(`The model has no ${fromPysotName(name)}`)
    const count = shape.reduce((product, size) => product * size, 1)
    const middle = name.endsWith('running_var') ? 1 : 0
    state.set(
      name,
      fromFloat32(
        Float32Array.from({ length: count }, (_, i) => middle + ((i % 17) - 8) / 1000),
        shape,
      ),
    )
  }
  return writeTorchZip({ epoch: 20, state_dict: state })
}
