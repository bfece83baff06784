// Which backbone a configuration names.

import type { Backbone } from './backbone.ts'
import type { BackboneConfig } from './config/schema.ts'
import { MobileNetV2 } from './mobilenet-v2.ts'
import { SOTResNet } from './sot-resnet.ts'

/** The backbone of a configuration, without weights. */
export function createBackbone(config: BackboneConfig): Backbone {
  return config.type === 'MobileNetV2' ? new MobileNetV2(config) : new SOTResNet(config)
}
