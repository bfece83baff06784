// Generated clips as a benchmark: no files, nothing to download, and the truth is known to the pixel.

import type { Benchmark } from '../benchmarks/types.ts'
import type { GeneratedClip } from '../clips/clip.ts'
import { SyntheticClips, type SyntheticClipsOptions } from '../clips/clips.ts'
import type { ReadFrame } from './sequence-video.ts'

/** The first `limit` clips, and what draws their frames: `images` are names, not files. */
export function syntheticBenchmark(
  options: SyntheticClipsOptions,
  limit = Number.POSITIVE_INFINITY,
): { readonly benchmark: Benchmark; readonly read: ReadFrame } {
  const source = new SyntheticClips(options)
  const count = Math.min(limit, source.count)
  const clips = new Map<string, GeneratedClip>()
  for (let index = 0; index < count; index++) clips.set(`clip-${index}`, source.clip(index))
  const sequences = [...clips].map(([name, clip]) => {
    const frames = Array.from({ length: clip.count }, (_, frame) => frame)
    return {
      name,
      images: frames.map((frame) => `frame ${frame} of ${name}`),
      boxes: frames.map((frame) => clip.box(frame)),
      visible: frames.map(() => true),
      attributes: [],
      size: { width: clip.width, height: clip.height },
    }
  })
  const title = `Generated clips of seed ${source.seed}`
  return {
    benchmark: { type: 'folder', title, protocol: 'ope', sequences },
    async read({ name }, index) {
      const clip = clips.get(name)
      if (!clip) throw new RangeError(`no generated clip ${name}`)
      return clip.picture(index)
    },
  }
}
