// A set or folder of images as a clip, in the natural order of their names. Each is decoded when it is asked for.

import { ClipError } from '../model/errors.ts'
import type { ClipFacts } from '../model/project.ts'
import { type ClipSource, type Picture, workingSize } from './clip-source.ts'

const frameRate = 25

/** @throws ClipError if there is no image or one has another size than the first */
export async function openImages(files: readonly File[], name: string): Promise<ClipSource> {
  const images = files.filter(isImage).sort((a, b) => pathOf(a).localeCompare(pathOf(b), 'en', { numeric: true }))
  const [first] = images
  if (!first) throw new ClipError('There is no image among these files: JPEG, PNG, WebP, GIF, BMP and AVIF work')
  const bitmap = await decode(first)
  const { width, height } = bitmap
  bitmap.close()
  const facts = { name, ...workingSize(width, height), frameCount: images.length, frameRate }
  return new ImageSource(images, facts, { width, height })
}

export function isImage(file: File): boolean {
  return /\.(jpe?g|png|webp|gif|bmp|avif)$/i.test(file.name) && !file.name.startsWith('.')
}

function pathOf(file: File): string {
  return file.webkitRelativePath || file.name
}

async function decode(file: File, options?: ImageBitmapOptions): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, options)
  } catch (error) {
    throw new ClipError(`"${file.name}" cannot be decoded as an image`, { cause: error })
  }
}

class ImageSource implements ClipSource {
  readonly facts: ClipFacts
  readonly #files: readonly File[]
  readonly #stored: { readonly width: number; readonly height: number }

  constructor(files: readonly File[], facts: ClipFacts, stored: { readonly width: number; readonly height: number }) {
    this.#files = files
    this.facts = facts
    this.#stored = stored
  }

  async frame(index: number): Promise<Picture> {
    const file = this.#files[index]
    if (!file) throw new ClipError(`There is no frame ${index + 1} in "${this.facts.name}"`)
    const bitmap = await decode(file)
    const { width, height } = this.#stored
    if (bitmap.width !== width || bitmap.height !== height) {
      const found = `${bitmap.width}x${bitmap.height}`
      bitmap.close()
      throw new ClipError(`"${file.name}" is ${found}, expected ${width}x${height} as the first image`)
    }
    if (width === this.facts.width && height === this.facts.height) return bitmap
    const resized = await createImageBitmap(bitmap, { resizeWidth: this.facts.width, resizeHeight: this.facts.height })
    bitmap.close()
    return resized
  }

  async *frames(from: number): AsyncGenerator<Picture, void, void> {
    let next = from < this.facts.frameCount ? this.frame(from) : undefined
    for (let index = from; next; index++) {
      const current = next
      next = index + 1 < this.facts.frameCount ? this.frame(index + 1) : undefined
      next?.catch(() => undefined) // its error is thrown when its turn comes
      yield await current
    }
  }

  close(): void {}
}
