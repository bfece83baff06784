// The photographs of a folder, for backgrounds and for what covers objects.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatasetMissingError } from '../datasets/errors.ts'
import { naturalSort } from '../frames/folder.ts'
import { isImageName } from '../frames/image.ts'

/** The images of a folder in natural order of their names, with the folder's path. @throws DatasetMissingError if there are none */
export function listPhotographs(folder: string): string[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (cause) {
    throw new DatasetMissingError(`no folder ${folder}, expected photographs`, { cause })
  }
  const images = naturalSort(names.filter((name) => !name.startsWith('.') && isImageName(name)))
  if (images.length === 0) throw new DatasetMissingError(`no image among the ${names.length} files of ${folder}`)
  return images.map((name) => join(folder, name))
}
