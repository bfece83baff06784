// Overlap of two regions as the VOT toolkit computes it: coordinates in float32, rounded half to even, both regions filled
// row by row within the box that encloses them, pixels counted. Source: vot-toolkit, vot/region/raster.py (March 2022), whose
// arithmetic is followed to the pixel, at borders and at negative coordinates too.

/** `x, y, width, height`, or a polygon's `x1, y1, x2, y2 ...` of four points or more, in pixels. */
export type Region = readonly number[]

/** Pixels. */
export interface ImageSize {
  readonly width: number
  readonly height: number
}

/** First and last column and row, both included. */
interface Bounds {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/**
 * Intersection over union in pixels, 0..1. A rectangle covers the pixels x to x + width - 1, a polygon its outline too.
 *
 * @param size of the image; what lies outside does not count. Without it (the toolkit's `bounds=None`) everything counts,
 *   but rectangles at negative coordinates are cut as the toolkit cuts them
 */
export function votOverlap(regionA: Region, regionB: Region, size?: ImageSize): number {
  const a = rounded(regionA)
  const b = rounded(regionB)
  const bounds = common(boundsOf(a), boundsOf(b), size)
  // So are regions one pixel wide or high; NaN ends here too, and so do regions without an end.
  if (!Object.values(bounds).every(Number.isFinite)) return 0
  if (!(bounds.left < bounds.right && bounds.top < bounds.bottom)) return 0
  const first = rowsOf(a, bounds)
  const second = rowsOf(b, bounds)
  let shared = 0
  let sum = 0
  for (let row = 0, next = 0; row < rowCount(bounds); row = next) {
    // Rows of two rectangles are alike up to the next edge, however far away it is.
    next = Math.min(first.alikeUpTo(row), second.alikeUpTo(row))
    const one = first.spans(row)
    const other = second.spans(row)
    shared += (next - row) * commonPixels(one, other)
    sum += (next - row) * (pixels(one) + pixels(other))
  }
  return sum > 0 ? shared / (sum - shared) : 0
}

function rounded(region: Region): Float64Array {
  return Float64Array.from(region, (value) => roundHalfEven(Math.fround(value)))
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1
  return below % 2 === 0 ? below : below + 1
}

function boundsOf(region: Float64Array): Bounds {
  if (region.length === 4) {
    const [x, y, width, height] = rectangle(region)
    return { left: x, top: y, right: x + width - 1, bottom: y + height - 1 }
  }
  const xs = region.filter((_, index) => index % 2 === 0)
  const ys = region.filter((_, index) => index % 2 === 1)
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) }
}

function common(a: Bounds, b: Bounds, size: ImageSize | undefined): Bounds {
  const left = Math.min(a.left, b.left)
  const top = Math.min(a.top, b.top)
  const right = Math.max(a.right, b.right)
  const bottom = Math.max(a.bottom, b.bottom)
  if (!size) return { left, top, right, bottom }
  return {
    left: Math.max(0, left),
    top: Math.max(0, top),
    right: Math.min(size.width - 1, right),
    bottom: Math.min(size.height - 1, bottom),
  }
}

type Spans = readonly number[]

const nothing: Spans = []

/** The pixels of a region, row by row of the bounds. */
interface Rows {
  /** First and last columns in turn, both included, from the bounds' left. */
  spans(row: number): Spans
  /** The next row that may differ from this one; the number of rows where none does. */
  alikeUpTo(row: number): number
}

function rowsOf(region: Float64Array, bounds: Bounds): Rows {
  return region.length === 4 ? rectangleRows(region, bounds) : polygonRows(region, bounds)
}

function rowCount({ top, bottom }: Bounds): number {
  return bottom - top + 1
}

function rectangleRows(region: Float64Array, bounds: Bounds): Rows {
  const { left, top, right, bottom } = bounds
  const [x, y, width, height] = rectangle(region)
  const end = rowCount(bounds)
  if (x > right || x + width - 1 < left || y > bottom || y + height - 1 < top) {
    return { spans: () => nothing, alikeUpTo: () => end }
  }
  // The toolkit compares with the absolute border, which at negative coordinates lies before the mask's end.
  const endX = sliceEnd(Math.min(right, x + width - 1 - left) + 1, right - left + 1)
  const endY = sliceEnd(Math.min(bottom, y + height - 1 - top) + 1, end)
  const startX = Math.max(0, x - left)
  const startY = Math.max(0, y - top)
  const spans = startX < endX ? [startX, endX - 1] : nothing
  return {
    spans: (row) => (row >= startY && row < endY ? spans : nothing),
    alikeUpTo: (row) => (row < startY ? startY : row < endY ? endY : end),
  }
}

/** Where a slice ends in numpy: negative ends count from the back. */
function sliceEnd(end: number, length: number): number {
  return Math.min(length, end < 0 ? end + length : end)
}

function polygonRows(region: Float64Array, bounds: Bounds): Rows {
  const { left, top, right } = bounds
  const own = boundsOf(region)
  const [first, last] = [own.top - top, own.bottom - top]
  const columns = right - left + 1
  const points = region.map((value, index) => value - (index % 2 === 0 ? left : top))
  const spansOf = (row: number) => {
    const nodes = crossings(points, row)
    const spans: number[] = []
    let index = 0
    while (index < nodes.length - 1) {
      const start = nodes[index] ?? 0
      const end = nodes[index + 1] ?? 0
      if (start >= columns) break
      // A corner on the row counts twice: the first of two equal nodes is passed over, unless they are the last ones.
      if (start === end && index < nodes.length - 2) {
        index++
        continue
      }
      if (end >= 0) append(spans, Math.max(0, start), Math.min(columns - 1, end))
      index += 2
    }
    return spans
  }
  const end = rowCount(bounds)
  return {
    spans: spansOf,
    alikeUpTo: (row) => (row < first ? Math.min(first, end) : row <= last ? row + 1 : end),
  }
}

/** Adds a span that starts at or after the last one's end. */
function append(spans: number[], start: number, end: number): void {
  const last = spans.at(-1)
  if (last === undefined || start > last) spans.push(start, end)
  else if (end > last) spans[spans.length - 1] = end
}

function pixels(spans: Spans): number {
  let sum = 0
  for (let at = 0; at < spans.length; at += 2) sum += (spans[at + 1] ?? 0) - (spans[at] ?? 0) + 1
  return sum
}

function commonPixels(one: Spans, other: Spans): number {
  let sum = 0
  for (let i = 0; i < one.length; i += 2) {
    for (let j = 0; j < other.length; j += 2) {
      const start = Math.max(one[i] ?? 0, other[j] ?? 0)
      const end = Math.min(one[i + 1] ?? 0, other[j + 1] ?? 0)
      if (start <= end) sum += end - start + 1
    }
  }
  return sum
}

/** Columns at which the outline meets the row, cut to whole numbers, ascending. */
function crossings(points: Float64Array, row: number): number[] {
  const nodes: number[] = []
  let previousX = points[points.length - 2] ?? 0
  let previousY = points[points.length - 1] ?? 0
  for (let at = 0; at < points.length; at += 2) {
    const x = points[at] ?? 0
    const y = points[at + 1] ?? 0
    if (y === previousY) {
      if (y === row) nodes.push(Math.trunc(x))
    } else if (Math.min(y, previousY) <= row && row <= Math.max(y, previousY)) {
      nodes.push(Math.trunc(x + ((row - y) / (previousY - y)) * (previousX - x)))
    }
    previousX = x
    previousY = y
  }
  return nodes.sort((one, other) => one - other)
}

function rectangle(region: Float64Array): [x: number, y: number, width: number, height: number] {
  const [x = Number.NaN, y = Number.NaN, width = Number.NaN, height = Number.NaN] = region
  return [x, y, width, height]
}
