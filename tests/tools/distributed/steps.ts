// What the rank and the test that compares with it both need.

import { type StateDict, toFloat32 } from '../../../src/formats/state-dict.ts'

/** All trained values in a row: running statistics are each rank's own. */
export function valuesOf(state: StateDict): number[] {
  return [...state].flatMap(([name, tensor]) =>
    tensor.dtype === 'f32' && !/running/.test(name) ? [...toFloat32(tensor)] : [],
  )
}
