// Says which parts of the model train in an epoch. MMTracking's model starts with its whole backbone frozen
// (frozen_stages) and its statistics fixed (norm_eval); SiameseRPNOptimizerHook lets named layers train from some epoch
// on, their batch norms included.
// Sources: mmdet/models/backbones/resnet.py (train, _freeze_stages), mmtrack/core/optimizer/sot_optimizer_hook.py.

import type { TrainingMode } from '../nn/trainable-conv.ts'
import type { Config, ModelConfig } from './config.ts'
import { createBackbone } from './create-backbone.ts'

/** The mode of an epoch, and its name: epochs of one configuration train the same if their modes have the same name. */
export interface EpochMode extends TrainingMode {
  /**
   * `frozen`: no parameter of the backbone trains. `partly frozen`: some do, and the hook will change something.
   * `unfrozen`: all train that ever will.
   */
  readonly name: 'frozen' | 'partly frozen' | 'unfrozen'
}

/** Entries of the configuration that decide. */
export type ModeConfig = Pick<Config, 'optimizer_config'> & { readonly model: Pick<ModelConfig, 'backbone'> }

/** @param epoch from 0 */
export function epochMode({ model, optimizer_config }: ModeConfig, epoch: number): EpochMode {
  const hook = optimizer_config?.type === 'SiameseRPNOptimizerHook' ? optimizer_config : undefined
  const layers = hook?.backbone_train_layers ?? []
  const before = modeOf(model, [])
  const after = modeOf(model, layers)
  const now = hook && epoch >= hook.backbone_start_train_epoch ? after : before
  const names = backboneNames(model)
  const trains = names.some((name) => now.trains(name))
  const final = names.every(
    (name) => now.trains(name) === after.trains(name) && now.usesBatch(name) === after.usesBatch(name),
  )
  return { name: trains ? (final ? 'unfrozen' : 'partly frozen') : 'frozen', ...now }
}

/** With these layers of the backbone released. */
function modeOf({ backbone }: ModeConfig['model'], layers: readonly string[]): TrainingMode {
  const { frozen_stages, norm_eval } = backbone
  const released = (name: string) => layers.some((layer) => name.startsWith(`backbone.${layer}.`))
  return {
    trains: (name) => stageOf(name) > frozen_stages || released(name),
    usesBatch: (name) => released(`${name}.`) || (stageOf(name) > frozen_stages && !(norm_eval && inBackbone(name))),
  }
}

/** Names of all convolutions and batch norms of the backbone. */
function backboneNames({ backbone }: ModeConfig['model']): string[] {
  return createBackbone(backbone).convs.flatMap(({ name, norm }) => [`${name}.weight`, ...(norm ? [norm] : [])])
}

/** 0 for the stem, 1 to 4 for the layers, infinity for what is not in the backbone. */
function stageOf(name: string): number {
  if (!inBackbone(name)) return Number.POSITIVE_INFINITY
  const layer = /^backbone\.layer(\d)\./.exec(name)
  return layer ? Number(layer[1]) : 0
}

function inBackbone(name: string): boolean {
  return name.startsWith('backbone.')
}
