// Which buffer each intermediate tensor lives in: tensors whose lifetimes do not overlap share one ("shared objects").
// Whole buffers rather than offsets in one, because a WebGPU dispatch may not bind a buffer both for reading and writing.
// Greedy by size: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", arXiv:2001.03288, alg. 2.

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

/** Assigns each lifetime to a buffer, no two overlapping ones to the same. */
export function planMemory(lifetimes: readonly Lifetime[]): MemoryPlan {
  const order = lifetimes
    .map((_, index) => index)
    .sort((a, b) => (lifetimes[b]?.bytes ?? 0) - (lifetimes[a]?.bytes ?? 0))
  const buffers: { bytes: number; members: Lifetime[] }[] = []
  const assignment = new Array<number>(lifetimes.length).fill(-1)
  for (const index of order) {
    const lifetime = lifetimes[index]
    if (!lifetime) continue
    let best = -1
    buffers.forEach((buffer, k) => {
      if (buffer.members.some((member) => overlap(member, lifetime))) return
      if (best < 0 || buffer.bytes < (buffers[best]?.bytes ?? 0)) best = k
    })
    if (best < 0) best = buffers.push({ bytes: lifetime.bytes, members: [] }) - 1
    buffers[best]?.members.push(lifetime)
    assignment[index] = best
  }
  return { buffers: buffers.map((buffer) => buffer.bytes), assignment }
}

export function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last
}

/** The most bytes alive at any one dispatch: no plan can need less. */
export function peakBytes(lifetimes: readonly Lifetime[]): number {
  const at = (step: number) =>
    lifetimes.reduce((sum, { first, last, bytes }) => sum + (first <= step && step <= last ? bytes : 0), 0)
  return lifetimes.reduce((peak, lifetime) => Math.max(peak, at(lifetime.first)), 0)
}
