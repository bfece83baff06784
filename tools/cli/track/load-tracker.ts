// The tracker of the command line: opens the device, names the adapter, and loads `SiamRPN` with a checkpoint or with
// seeded random weights.

import { type Config, overrideConfig, readSource } from 'siamrpn'
import { namedConfig } from 'siamrpn/configs'
import { writeSafetensors } from 'siamrpn/formats'
import type { AdapterFacts } from 'siamrpn/gpu'
import { fileChoiceStore, wantsBenchmark } from '../../choice-store.ts'
import { loadTrackingConfig, ownOrR50, unreadLines } from '../load-config.ts'
import { randomWeights } from '../random-weights.ts'
import type { LoadRequest, LoadTracker } from './tracking.ts'

const readByTeach = ['model.train_cfg', 'model.head.loss_cls', 'model.head.loss_bbox'] as const

/** @throws UsageError for an unknown configuration, ConfigError, NoAdapterError, and whatever reading the checkpoint throws */
export const loadTracker: LoadTracker = async (request) => {
  const reads = request.teaches ? readByTeach : []
  const given = request.config === undefined ? undefined : await loadTrackingConfig(request.config, reads)
  const { SiamRPN, stateDictShapes } = await import('siamrpn')
  const config = await changedConfig(request, given?.config)
  const { openTerminalDevice } = await import('../open-device.ts')
  const device = await openTerminalDevice()
  try {
    const { weights, onProgress } = request
    const checkpoint =
      'seed' in weights
        ? writeSafetensors(randomWeights(stateDictShapes((config ?? namedConfig('r50')).model), weights.seed))
        : location(weights.checkpoint)
    const head = request.head === undefined ? undefined : location(request.head)
    const benchmark = wantsBenchmark(config, device.adapter) && { store: fileChoiceStore() }
    const { precision } = request
    const options = { checkpoint, head, config, device, onProgress, benchmark, precision }
    const tracker = await SiamRPN.load({ ...options, anchors: request.anchors })
    return {
      adapter: describeAdapter(device.adapter),
      anchors: tracker.config.model.head.anchor_generator.variant,
      notes: given ? unreadLines(given) : [],
      memory: device.memory,
      init: (frame, boxes) => tracker.init(frame, boxes),
      async teach(examples, { part, ...options }) {
        const taught = await tracker.teach(examples, options)
        try {
          return taught.save(part)
        } finally {
          await taught.close()
        }
      },
      async close() {
        await tracker.close()
        await device.close()
      },
    }
  } catch (error) {
    await device.close()
    throw error
  }
}

/** The configuration with the request's changes; undefined where the checkpoint's own is taken as it is. */
async function changedConfig(
  { set = [], weights }: LoadRequest,
  given: Config | undefined,
): Promise<Config | undefined> {
  if (set.length === 0) return given
  if (given !== undefined || 'seed' in weights) return overrideConfig(given ?? namedConfig('r50'), set)
  const { checkpoint } = weights
  return overrideConfig(ownOrR50(await readSource(location(checkpoint)), checkpoint), set)
}

/** One line: what it is, and whether it is a software driver. */
export function describeAdapter({ vendor, architecture, device, description, kind }: AdapterFacts): string {
  const name = description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unnamed adapter'
  return kind === 'cpu' ? `${name} (software)` : name
}

function location(checkpoint: string): string | URL {
  return /^https?:\/\//.test(checkpoint) ? new URL(checkpoint) : checkpoint
}
