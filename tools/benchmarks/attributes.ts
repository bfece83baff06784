// The attributes of sequences (occlusion, blur and the like) for data sets that are read by MMTracking's annotation
// files, which do not hold them: OTB100's are fixed, LaSOT's and UAV123's are in folders `att`.

import { join } from 'node:path'
import { readLasotAttributes } from './lasot.ts'
import { otbSequences } from './otb100-names.ts'
import { readFlags } from './rows.ts'
import type { BenchmarkName } from './types.ts'
import { uavAttributes } from './uav123.ts'

/** @param places folders to look in: the data set's, that of the ground truth */
export async function attributesOf(
  type: BenchmarkName,
  name: string,
  places: readonly string[],
): Promise<readonly string[]> {
  if (type === 'otb100') return otbSequences.find((sequence) => sequence.name === name)?.attributes ?? []
  if (type === 'lasot') return await readLasotAttributes(places, name)
  if (type !== 'uav123') return []
  for (const place of [...places, ...places.map((place) => join(place, 'anno', 'UAV123'))]) {
    const flags = await readFlags(join(place, 'att', `${name}.txt`), uavAttributes.length, () => undefined)
    if (flags) return uavAttributes.filter((_, index) => flags[index] === 1)
  }
  return []
}
