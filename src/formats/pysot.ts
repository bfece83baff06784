// Names of pysot's SiamRPN++ models as rules onto MMTracking's names: ResNet-50 (siamrpn_r50_l234_dwxcorr), whose backbone has
// the same names in both; AlexNet (siamrpn_alex_dwxcorr), written down in two ways; and MobileNetV2
// (siamrpn_mobilev2_l234_dwxcorr), which gets mmcls's names. The tensors are the same; the anchors are not: pysot truncates w
// and h before, MMTracking after scaling (40x80, 32x96 against 40x88, 32x104).

/** Regular expression and its replacement; the stages 2, 3, 4 become levels 0, 1, 2, a head or neck without a number level 0. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/^neck\.downsample([234]?)\.downsample\.0\./, 'neck.convs.$1.conv.'],
  [/^neck\.downsample([234]?)\.downsample\.1\./, 'neck.convs.$1.bn.'],
  [/^rpn_head\.cls_weight$/, 'head.cls_weight'],
  [/^rpn_head\.loc_weight$/, 'head.reg_weight'],
  [/^rpn_head\.(?:rpn([234])\.)?(cls|loc)\.conv_(kernel|search)\.0\./, 'head.$2_heads.$1.$3_convs.conv.'],
  [/^rpn_head\.(?:rpn([234])\.)?(cls|loc)\.conv_(kernel|search)\.1\./, 'head.$2_heads.$1.$3_convs.bn.'],
  [/^rpn_head\.(?:rpn([234])\.)?(cls|loc)\.head\.0\./, 'head.$2_heads.$1.head_convs.0.conv.'],
  [/^rpn_head\.(?:rpn([234])\.)?(cls|loc)\.head\.1\./, 'head.$2_heads.$1.head_convs.0.bn.'],
  [/^rpn_head\.(?:rpn([234])\.)?(cls|loc)\.head\.3\./, 'head.$2_heads.$1.head_convs.1.conv.'],
]

/** AlexNet written down as one sequence: the layers with weights, by their places. */
const alexNetFeatures: Readonly<Record<number, string>> = {
  ...{ 0: 'layer1.0', 1: 'layer1.1', 4: 'layer2.0', 5: 'layer2.1', 8: 'layer3.0', 9: 'layer3.1' },
  ...{ 11: 'layer4.0', 12: 'layer4.1', 14: 'layer5.0', 15: 'layer5.1' },
}

/** Whether a name (without `module.`) is one that only pysot gives. */
export function isPysotName(name: string): boolean {
  return name.startsWith('rpn_head.') || /^neck\.downsample\d*\./.test(name)
}

/** MMTracking's name of a pysot tensor (without `module.`); names that no rule knows stay. */
export function fromPysotName(name: string): string {
  if (name.startsWith('backbone.')) return fromBackboneName(name)
  for (const [pattern, replacement] of rules) {
    const match = pattern.exec(name)
    if (match === null) continue
    const [, stage, branch, side] = match
    const target = replacement
      .replace('$1', stage ? String(Number(stage) - 2) : '0')
      .replace('$2', branch === 'loc' ? 'reg' : 'cls')
      .replace('$3', side ?? '')
    return target + name.slice(match[0].length)
  }
  return name
}

function fromBackboneName(name: string): string {
  const legacy = /^backbone\.features\.(\d+)\./.exec(name)
  if (legacy !== null) {
    const layer = alexNetFeatures[Number(legacy[1])]
    return layer === undefined ? name : `backbone.${layer}.${name.slice(legacy[0].length)}`
  }
  const stem = /^backbone\.layer0\.([01])\./.exec(name)
  if (stem !== null) return `backbone.conv1.${stem[1] === '0' ? 'conv' : 'bn'}.${name.slice(stem[0].length)}`
  // Behind each convolution of a block come its batch norm and its activation.
  const block = /^(backbone\.layer\d\.\d+\.conv)\.(\d)\./.exec(name)
  if (block === null) return name
  const place = Number(block[2])
  const part = ['conv', 'bn'][place % 3]
  return part ? `${block[1]}.${Math.floor(place / 3)}.${part}.${name.slice(block[0].length)}` : name
}
