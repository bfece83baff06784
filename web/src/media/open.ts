// Opens whatever was dropped or chosen as a clip: one video, images, or a zip of images in this project's clip layout.

import { ClipError } from '../model/errors.ts'
import type { ClipSource } from './clip-source.ts'
import { isImage, openImages } from './image-source.ts'
import { openVideo } from './video-source.ts'
import { readZipFiles } from './zip-files.ts'

export interface OpenedClip {
  readonly source: ClipSource
  /** The ground truth that came with the images, if one did. */
  readonly groundTruth: string | undefined
}

/** Pixels of the shorter side below which there is nothing to track. */
const smallestSide = 16

/** @throws ClipError */
export async function openClip(files: readonly File[]): Promise<OpenedClip> {
  const opened = await openAny(files)
  const { name, width, height } = opened.source.facts
  if (Math.min(width, height) >= smallestSide) return opened
  opened.source.close()
  const expected = `expected at least ${smallestSide}x${smallestSide}`
  throw new ClipError(`"${name}" is ${width}x${height} pixels, too small to track anything in: ${expected}`)
}

async function openAny(files: readonly File[]): Promise<OpenedClip> {
  const [first] = files
  if (!first) throw new ClipError('No file was chosen')
  if (files.length === 1 && /\.zip$/i.test(first.name)) {
    const name = first.name.replace(/\.zip$/i, '')
    return await openFolder(await readZipFiles(first), name)
  }
  if (files.some(isImage)) return await openFolder(files, folderName(files))
  if (files.length > 1)
    throw new ClipError(`${files.length} files were chosen, but none is an image; choose one video or a set of images`)
  if (first.size === 0) throw new ClipError(`"${first.name}" is empty`)
  return { source: await openVideo(first), groundTruth: undefined }
}

async function openFolder(files: readonly File[], name: string): Promise<OpenedClip> {
  const truth = files.find((file) => file.name === 'groundtruth.txt')
  return { source: await openImages(files, name), groundTruth: await truth?.text() }
}

function folderName(files: readonly File[]): string {
  const [folder] = files[0]?.webkitRelativePath.split('/') ?? []
  return folder || (files.length === 1 ? (files[0]?.name ?? 'image') : `${files.length} images`)
}
