// What trains when. MMTracking's model starts with its whole backbone frozen (frozen_stages) and its statistics fixed
// (norm_eval); SiameseRPNOptimizerHook lets named layers train from some epoch on, their batch norms included. Sources:
// mmdet/models/backbones/resnet.py (train, _freeze_stages), mmtrack/core/optimizer/sot_optimizer_hook.py.

import type { TrainingMode } from '../nn/trainable-conv.ts'
import type { Config, ModelConfig } from './config.ts'

/** The mode of an epoch (from 0), and a name for messages: `frozen` while the hook has layers still to release. */
export interface EpochMode extends TrainingMode {
  readonly name: 'frozen' | 'unfrozen'
}

/** Entries of the configuration that decide. */
export type ModeConfig = Pick<Config, 'optimizer_config'> & { readonly model: Pick<ModelConfig, 'backbone'> }

export function epochMode({ model, optimizer_config: hook }: ModeConfig, epoch: number): EpochMode {
  const { frozen_stages, norm_eval } = model.backbone
  const layers = hook?.type === 'SiameseRPNOptimizerHook' ? hook.backbone_train_layers : []
  const releases = hook?.type === 'SiameseRPNOptimizerHook' && epoch >= hook.backbone_start_train_epoch
  const released = (name: string) => releases && layers.some((layer) => name.startsWith(`backbone.${layer}.`))
  return {
    name: layers.length > 0 && !releases ? 'frozen' : 'unfrozen',
    trains: (name) => stageOf(name) > frozen_stages || released(name),
    usesBatch: (name) => released(`${name}.`) || (stageOf(name) > frozen_stages && !(norm_eval && inBackbone(name))),
  }
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
