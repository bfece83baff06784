// The configurations that ship with the library, by name.

import { type Config, type ConfigInput, parseConfig } from '../config.ts'
import { ConfigError } from '../errors.ts'
import { base } from './base.ts'
import { micro } from './micro.ts'
import { mobile } from './mobile.ts'
import { r50 } from './r50.ts'
import { r50Fp16 } from './r50-fp16.ts'
import { siamrpn_alex_dwxcorr } from './siamrpn-alex-dwxcorr.ts'
import { siamrpn_mobilev2_l234_dwxcorr } from './siamrpn-mobilev2-l234-dwxcorr.ts'
import { small } from './small.ts'
import { tiny } from './tiny.ts'

const configs: Readonly<Record<string, ConfigInput>> = {
  ...{ mobile, base, r50, r50_fp16: r50Fp16, tiny, small, micro },
  ...{ siamrpn_alex_dwxcorr, siamrpn_mobilev2_l234_dwxcorr },
}

/** Names that `namedConfig` knows. */
export const configNames: readonly string[] = Object.keys(configs)

/**
 * The checked configuration of this name.
 * @throws ConfigError that lists the known names.
 */
export function namedConfig(name: string): Config {
  const config = Object.hasOwn(configs, name) ? configs[name] : undefined
  if (config === undefined) {
    throw new ConfigError([{ path: 'name', found: name, expected: `one of ${configNames.join(', ')}` }])
  }
  return parseConfig(config, name)
}
