// The trackers of an evaluation: several of one model on one device. Each follows a video of its own, so that one's commands are
// on the GPU while the host reads the other's answer.

import type { Config, Precision } from 'siamrpn'
import type { Device } from 'siamrpn/gpu'
import type { VideoTracker } from '../../evaluation/track-video.ts'
import { describeAdapter } from '../track/load-tracker.ts'
import type { LoadProgress } from '../track/tracking.ts'

export interface TrackersRequest {
  readonly config: Config
  readonly checkpoint: string | URL
  /** Of the filters as they are stored. */
  readonly precision: Precision
  /** How many; absent: 2 on a GPU, 1 on a software adapter, which has no idle time to fill. */
  readonly count?: number | undefined
  /** At most so many. */
  readonly atMost: number
  readonly onProgress: (progress: LoadProgress) => void
  /** Another device than the best one; closed with the trackers. */
  readonly open?: (() => Promise<Device>) | undefined
}

export interface LoadedTrackers {
  /** The adapter in one line. */
  readonly adapter: string
  /** The anchors in use. */
  readonly anchors: string
  readonly trackers: readonly VideoTracker[]
  close(): Promise<void>
}

export type LoadTrackers = (request: TrackersRequest) => Promise<LoadedTrackers>

const onGpu = 2

/** @throws NoAdapterError, ConfigError, and whatever reading the checkpoint throws */
export const loadTrackers: LoadTrackers = async (request) => {
  const { config, checkpoint, count, precision, atMost, onProgress } = request
  const { SiamRPN } = await import('siamrpn')
  const { openTerminalDevice } = await import('../open-device.ts')
  const device = await (request.open ?? openTerminalDevice)()
  try {
    const wanted = Math.max(1, Math.min(atMost, count ?? (device.adapter.kind === 'cpu' ? 1 : onGpu)))
    const first = await SiamRPN.load({ checkpoint, config, device, precision, onProgress })
    const trackers = [first]
    while (trackers.length < wanted) trackers.push(await SiamRPN.load({ checkpoint, config, device, precision }))
    return {
      adapter: describeAdapter(device.adapter),
      anchors: first.model.head.anchor_generator.variant,
      trackers,
      async close() {
        for (const tracker of trackers) await tracker.close()
        await device.close()
      },
    }
  } catch (error) {
    await device.close()
    throw error
  }
}
