// `siamrpn pretrained`: writes the pretrained backbone that the configurations with a MobileNetV2 start training from. Tracking
// needs none of it.

import { Command } from 'commander'
import { packageSpec } from '../../pretrained/objectron-package.ts'
import { readPackage, writePretrained } from '../../pretrained/write-pretrained.ts'
import type { CommandContext } from '../context.ts'
import { formatBytes, note, print } from '../terminal.ts'

const examples = `
Examples:
  siamrpn pretrained
  siamrpn pretrained --from mediapipe-objectron-0.4.1675468480.tgz`

/** Makes the command. */
export function pretrainedCommand({ terminal }: CommandContext): Command {
  return new Command('pretrained')
    .description(
      `Writes a MobileNetV2 that was trained on Open Images, out of the npm package ${packageSpec} (Apache-2.0), under ` +
        "mmcls's names: what the backbone's init_cfg of `mobile` and `base` reads.",
    )
    .option('--out <file>', 'where to write it', 'models/pretrained/mobilenet_v2.safetensors')
    .option('--from <file>', "the package as `npm pack` has fetched it, instead of the registry's")
    .addHelpText('after', examples)
    .action(async ({ out, from }: { readonly out: string; readonly from?: string }) => {
      if (from === undefined) note(terminal, `fetching ${packageSpec} (33 MB)`)
      const { bytes, tensors } = await writePretrained(out, from === undefined ? undefined : await readPackage(from))
      print(terminal, `${out}: ${tensors} tensors, ${formatBytes(bytes)}`)
    })
}
