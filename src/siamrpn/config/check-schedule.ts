// Checks of the learning rate's schedule: its pieces follow one another and reach the last epoch, and what mmcv asserts holds.

import type { ConfigProblem } from './problem.ts'
import type { Config, LrConfig } from './schema.ts'

/** All contradictions of `lr_config`, with itself and with `total_epochs`. */
export function checkSchedule({ lr_config, total_epochs }: Config): ConfigProblem[] {
  if (lr_config === undefined) return []
  if (lr_config.policy !== 'SiameseRPN') return checkPolicy(lr_config, total_epochs)
  const problems: ConfigProblem[] = []
  let previous = 0
  for (const [i, { end_epoch }] of lr_config.lr_configs.entries()) {
    if (end_epoch <= previous) {
      problems.push({
        path: `lr_config.lr_configs.${i}.end_epoch`,
        found: end_epoch,
        expected: `more than ${previous}, where the interval before it ends`,
      })
    }
    previous = end_epoch
  }
  if (total_epochs !== undefined && previous < total_epochs) {
    problems.push({
      path: `lr_config.lr_configs.${lr_config.lr_configs.length - 1}.end_epoch`,
      found: previous,
      expected: `at least total_epochs, ${total_epochs}`,
    })
  }
  return problems
}

/** What mmcv asserts of its policies. */
function checkPolicy(config: Exclude<LrConfig, { policy: 'SiameseRPN' }>, epochs: number | undefined): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const add = (key: string, found: unknown, expected: string) => {
    problems.push({ path: `lr_config.${key}`, found, expected })
  }
  if (config.warmup !== null && config.warmup_iters === 0) {
    add('warmup_iters', 0, `at least 1, because of lr_config.warmup '${config.warmup}'`)
  }
  if (config.policy !== 'CosineAnnealing' && config.policy !== 'CosineRestart') return problems
  const { min_lr, min_lr_ratio } = config
  if (min_lr === undefined && min_lr_ratio === undefined) add('min_lr_ratio', undefined, 'it or lr_config.min_lr')
  if (min_lr !== undefined && min_lr_ratio !== undefined) add('min_lr', min_lr, 'none beside lr_config.min_lr_ratio')
  if (config.policy === 'CosineAnnealing') return problems
  const { periods, restart_weights, by_epoch } = config
  if (restart_weights.length !== periods.length) {
    add('restart_weights', restart_weights, `${periods.length} items, one for each of lr_config.periods`)
  }
  const end = periods.reduce((sum, period) => sum + period, 0)
  if (by_epoch && epochs !== undefined && end < epochs) {
    add('periods', periods, `a sum of at least total_epochs, ${epochs}`)
  }
  return problems
}
