// Plans which buffer each intermediate tensor lives in: tensors whose lifetimes do not overlap share one ("shared
// objects"). Whole buffers rather than offsets in one, because a WebGPU dispatch may not bind a buffer both for reading
// and writing. Greedy by size and by breadth, whichever needs less: Pisarchyk and Lee, "Efficient Memory Management for
// Deep Neural Net Inference", arXiv:2001.03288, algorithms 1 and 2 (TensorFlow Lite's planner).

/** A tensor from the dispatch that first writes it to the last one that touches it, both inclusive. */
export interface Lifetime {
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/** `buffers[k]` is the size in bytes of buffer k; `assignment[i]` is the buffer of tensor i. */
export interface MemoryPlan {
  readonly buffers: readonly number[]
  readonly assignment: readonly number[]
}

interface SharedBuffer {
  bytes: number
  readonly members: Lifetime[]
}

/** Assigns each lifetime to a buffer, no two overlapping ones to the same. */
export function planMemory(lifetimes: readonly Lifetime[]): MemoryPlan {
  const own = lifetimes.map((each) => ({ ...each }))
  const bySize = assign(own, orderBySize(own))
  const byBreadth = assign(own, orderByBreadth(own))
  return total(byBreadth) < total(bySize) ? byBreadth : bySize
}

/** Bytes of all buffers of a plan. */
export function total(plan: MemoryPlan): number {
  return plan.buffers.reduce((sum, bytes) => sum + bytes, 0)
}

export function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last
}

/** The tensors alive at a dispatch, largest first. */
export function aliveAt(lifetimes: readonly Lifetime[], step: number): Lifetime[] {
  return orderBySize(lifetimes).filter(({ first, last }) => first <= step && step <= last)
}

function orderBySize(lifetimes: readonly Lifetime[]): Lifetime[] {
  return [...lifetimes].sort((a, b) => b.bytes - a.bytes || a.first - b.first)
}

/** Tensors of the dispatch with most bytes alive first, then of the next. */
function orderByBreadth(lifetimes: readonly Lifetime[]): Lifetime[] {
  const steps = [...new Set(lifetimes.map(({ first }) => first))]
  const breadth = steps.map((step) => ({
    step,
    bytes: aliveAt(lifetimes, step).reduce((sum, { bytes }) => sum + bytes, 0),
  }))
  breadth.sort((a, b) => b.bytes - a.bytes)
  return [...new Set(breadth.flatMap(({ step }) => aliveAt(lifetimes, step)))]
}

function assign(lifetimes: readonly Lifetime[], order: readonly Lifetime[]): MemoryPlan {
  const buffers: SharedBuffer[] = []
  const chosen = new Map<Lifetime, number>()
  for (const lifetime of order) {
    const index = bestBuffer(buffers, lifetime) ?? buffers.push({ bytes: 0, members: [] }) - 1
    const buffer = buffers[index]
    buffer?.members.push(lifetime)
    if (buffer) buffer.bytes = Math.max(buffer.bytes, lifetime.bytes)
    chosen.set(lifetime, index)
  }
  return { buffers: buffers.map(({ bytes }) => bytes), assignment: lifetimes.map((each) => chosen.get(each) ?? -1) }
}

/** The smallest of the buffers free for that long that is large enough, else the largest, which will grow. */
function bestBuffer(buffers: readonly SharedBuffer[], lifetime: Lifetime): number | undefined {
  let best: { index: number; spare: number } | undefined
  for (const [index, { bytes, members }] of buffers.entries()) {
    if (members.some((member) => overlap(member, lifetime))) continue
    const spare = bytes - lifetime.bytes
    const better = !best || (best.spare < 0 ? spare > best.spare : spare >= 0 && spare < best.spare)
    if (better) best = { index, spare }
  }
  return best?.index
}
