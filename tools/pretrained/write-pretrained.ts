// From the package to the file that `init_cfg` reads: fetched, checked, converted, and written at once or not at all.

import { readFile } from 'node:fs/promises'
import { writeSafetensors } from 'siamrpn/formats'
import { writeWhole } from '../frames/atomic.ts'
import { PretrainedFileError } from './errors.ts'
import { mobileNetV2 } from './mobilenet-v2.ts'
import { detectorOf, fetchPackage, objectronPackage, packageSpec } from './objectron-package.ts'
import { readTfliteConvolutions } from './tflite.ts'

/** A package that was fetched before. */
export interface GivenPackage {
  readonly name: string
  readonly bytes: Uint8Array
}

/** @throws PretrainedFileError if it cannot be read */
export async function readPackage(file: string): Promise<GivenPackage> {
  try {
    return { name: file, bytes: await readFile(file) }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PretrainedFileError(`${file} cannot be read: ${reason}`, { cause })
  }
}

/**
 * Writes the backbone as safetensors.
 * @param given instead of the registry's
 * @throws PretrainedFetchError, PretrainedFileError, OutputError
 */
export async function writePretrained(
  path: string,
  given?: GivenPackage,
): Promise<{ readonly bytes: number; readonly tensors: number }> {
  const { name, bytes } = given ?? { name: packageSpec, bytes: await fetchPackage() }
  const model = `${name} ${objectronPackage.member}`
  const state = mobileNetV2(readTfliteConvolutions(detectorOf(bytes, name), model), model)
  const file = writeSafetensors(state, {
    source: `npm ${packageSpec}, ${objectronPackage.member}`,
    licence: objectronPackage.licence,
    input: 'R, G, B in [-1, 1]; padding of 1 on every side of 3x3 convolutions at sizes 32k+1',
  })
  await writeWhole(path, file)
  return { bytes: file.length, tensors: state.size }
}
