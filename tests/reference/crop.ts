// SiamRPN.get_cropped_img, literally and in float64: build the padded image, slice it, resize it. Slow and obvious.
// Only the positions of the edges are computed in float32, because their truncation is a decision of the original.
// Source: mmtrack/models/sot/siamrpn.py; torch.nn.functional.interpolate(mode='bilinear', align_corners=False).

/** An image or a stack of maps, `[channels, height, width]`. */
export interface Planes {
  readonly data: ArrayLike<number>
  readonly channels: number
  readonly height: number
  readonly width: number
}

export interface CropRequest {
  /** x and y of the centre, in pixels. */
  readonly center: readonly [number, number]
  /** Side of the square in the image. */
  readonly cropSize: number
  /** Side of the result. */
  readonly targetSize: number
  /** Padding value of each channel. */
  readonly average: ArrayLike<number>
}

/** `[channels, targetSize, targetSize]`. */
export function referenceCrop(image: Planes, { center, cropSize, targetSize, average }: CropRequest): Planes {
  const [xmin, xmax] = edges(center[0], cropSize)
  const [ymin, ymax] = edges(center[1], cropSize)
  const left = Math.max(0, -xmin)
  const top = Math.max(0, -ymin)
  const right = Math.max(0, xmax - image.width)
  const bottom = Math.max(0, ymax - image.height)
  const padded = pad(image, { left, top, right, bottom }, average)
  const crop = slice(padded, { x: [xmin + left, xmax + left + 1], y: [ymin + top, ymax + top + 1] })
  return bilinearResize(crop, targetSize)
}

/** `[height, width, channels]` bytes to planes. */
export function planesOf(image: ArrayLike<number>, height: number, width: number, channels = 3): Planes {
  const data = new Float64Array(channels * height * width)
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < channels; c++) data[c * height * width + pixel] = image[pixel * channels + c]!
  }
  return { data, channels, height, width }
}

/** Mean of each channel in float64. */
export function channelMeans({ data, channels, height, width }: Planes): number[] {
  return Array.from({ length: channels }, (_, c) => {
    let sum = 0
    for (let i = 0; i < height * width; i++) sum += data[c * height * width + i]!
    return sum / (height * width)
  })
}

/** Bilinear resize to a square, half-pixel centres, in float64. */
export function bilinearResize(image: Planes, size: number): Planes {
  const rows = taps(image.height, size)
  const columns = taps(image.width, size)
  const data = new Float64Array(image.channels * size * size)
  let at = 0
  for (let c = 0; c < image.channels; c++) {
    const pixel = (y: number, x: number) => image.data[(c * image.height + y) * image.width + x]!
    for (const row of rows) {
      for (const column of columns) {
        const top = pixel(row.low, column.low) * (1 - column.share) + pixel(row.low, column.high) * column.share
        const bottom = pixel(row.high, column.low) * (1 - column.share) + pixel(row.high, column.high) * column.share
        data[at++] = top * (1 - row.share) + bottom * row.share
      }
    }
  }
  return { data, channels: image.channels, height: size, width: size }
}

function edges(center: number, cropSize: number): [number, number] {
  return [Math.trunc(Math.fround(center - cropSize / 2)), Math.trunc(Math.fround(center + cropSize / 2))]
}

function pad(
  image: Planes,
  border: { left: number; top: number; right: number; bottom: number },
  average: ArrayLike<number>,
): Planes {
  const height = image.height + border.top + border.bottom
  const width = image.width + border.left + border.right
  const data = new Float64Array(image.channels * height * width)
  for (let c = 0; c < image.channels; c++) {
    data.fill(average[c]!, c * height * width, (c + 1) * height * width)
    for (let y = 0; y < image.height; y++) {
      const from = (c * image.height + y) * image.width
      const to = (c * height + y + border.top) * width + border.left
      for (let x = 0; x < image.width; x++) data[to + x] = image.data[from + x]!
    }
  }
  return { data, channels: image.channels, height, width }
}

/** As Python: what lies beyond the end is left out. */
function slice(image: Planes, part: { x: [number, number]; y: [number, number] }): Planes {
  const x1 = Math.min(part.x[1], image.width)
  const y1 = Math.min(part.y[1], image.height)
  const data: number[] = []
  for (let c = 0; c < image.channels; c++) {
    for (let y = part.y[0]; y < y1; y++) {
      for (let x = part.x[0]; x < x1; x++) data.push(image.data[(c * image.height + y) * image.width + x]!)
    }
  }
  return { data, channels: image.channels, height: y1 - part.y[0], width: x1 - part.x[0] }
}

function taps(from: number, to: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.max(0, ((i + 0.5) * from) / to - 0.5)
    const low = Math.min(Math.floor(position), from - 1)
    return { low, high: Math.min(low + 1, from - 1), share: position - low }
  })
}
