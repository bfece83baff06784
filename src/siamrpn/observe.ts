// Lets a caller see intermediate results by the names of MMTracking's modules: what the golden checks compare.

import type { GpuTensor } from '../gpu/tensor.ts'

/** Channels `first .. first + count` of a tensor that holds several modules' outputs side by side. */
export interface ChannelRange {
  readonly first: number
  readonly count: number
}

/** Called while a forward pass is recorded; keep the tensor (`recorder.keep`) to read it after a run. */
export type Observe = (module: string, tensor: GpuTensor, channels?: ChannelRange) => void

/** Watches nothing; forward passes skip work that only serves an observer. */
export const noObserver: Observe = () => {}
