// Creates the backbone that a configuration names.

import { AlexNet } from './alexnet.ts'
import type { Backbone } from './backbone.ts'
import type { BackboneConfig } from './config/schema.ts'
import { MobileNetV2 } from './mobilenet-v2.ts'
import { SOTResNet } from './sot-resnet.ts'

/** The backbone of a configuration, without weights. */
export function createBackbone(config: BackboneConfig): Backbone {
  switch (config.type) {
    case 'AlexNet':
      return new AlexNet(config)
    case 'MobileNetV2':
      return new MobileNetV2(config)
    case 'SOTResNet':
      return new SOTResNet(config)
  }
}
