// Translates configuration files of MMTracking 0.x: entries that they name in other words than the schema, and entries
// that are for other programs only. An entry that means the same here is rewritten; one whose value changes nothing
// here is left out; every other value is a problem with its reason.
// Sources: mmtrack/apis/train.py, mmcv/runner (hooks, build_runner), mmdet/datasets (ConcatDataset), mmdet/models.

import { ConfigError } from '../errors.ts'
import { checkExtent } from './parse.ts'
import type { ConfigProblem } from './problem.ts'
import { configSchema } from './schema.ts'

type Node = Record<string, unknown>

/** Values that change nothing here; undefined: whatever it is, only other programs read it. */
const unread: Readonly<Record<string, readonly unknown[] | undefined>> = {
  opencv_num_threads: undefined,
  mp_start_method: undefined,
  gpu_ids: undefined,
  gpus: undefined,
  device: undefined,
  auto_resume: [false],
  custom_imports: [null],
  momentum_config: [null],
  'auto_scale_lr.base_batch_size': undefined,
  'auto_scale_lr.enable': [false],
  'model.init_cfg': [null],
  'model.pretrains': [null],
  'model.frozen_modules': [null],
  'model.backbone.in_channels': [3],
  'model.backbone.style': ['pytorch'],
  'model.backbone.conv_cfg': [null],
  'model.backbone.deep_stem': [false],
  'model.backbone.avg_down': [false],
  'model.backbone.dcn': [null],
  'model.backbone.plugins': [null],
  'model.backbone.pretrained': [null],
  'model.backbone.with_cp': undefined,
  'model.neck.conv_cfg': [null],
  'model.neck.num_outs': [null],
  'model.train_cfg.rpn.assigner.gpu_assign_thr': undefined,
  'model.train_cfg.rpn.assigner.iou_calculator': [{ type: 'BboxOverlaps2D' }],
  'data.val_dataloader': undefined,
  'data.test_dataloader': undefined,
  'optimizer_config.coalesce': undefined,
  'optimizer_config.bucket_size_mb': undefined,
  'optimizer_config.distributed': undefined,
  'checkpoint_config.create_symlink': undefined,
  'checkpoint_config.sync_buffer': undefined,
  'checkpoint_config.out_dir': [null],
  'evaluation.by_epoch': [true],
  'evaluation.gpu_collect': undefined,
  'evaluation.tmpdir': undefined,
  'log_config.hooks.*.by_epoch': [true],
}

const reasons: Readonly<Record<string, string>> = {
  custom_imports: 'none: Python code of other files is not run',
  momentum_config: 'none: momentum and betas stay as `optimizer` has them',
}

/** Entries of MMTracking 1.x that 0.x does not have. */
export const ofVersion1: readonly string[] = [
  'train_dataloader',
  'optim_wrapper',
  'param_scheduler',
  'default_hooks',
  'env_cfg',
  'default_scope',
]

/**
 * Rewrites a configuration of MMTracking 0.x in the words of the schema.
 *
 * @param value plain data, not changed
 * @param used top-level names that other entries were made from: those that the schema does not know are variables
 * @param source where it comes from, for messages
 * @throws ConfigError for entries that ask for what does not exist here
 */
export function fromMMTracking(value: unknown, used: ReadonlySet<string> = new Set(), source?: string): unknown {
  if (!isNode(value)) return value
  checkExtent(value, source)
  const root = copyOf(value) as Node
  const problems = [
    ...checkVersion(root),
    ...takeEpochs(root),
    ...takeOptimizerHook(root),
    ...takeLoggers(root),
    ...takeCustomHooks(root),
    ...leaveOut(root),
  ]
  if (problems.length > 0) throw new ConfigError(problems, source)
  takePolicy(root)
  takeLoader(root)
  takeConcatenation(root)
  for (const name of Object.keys(root))
    if (used.has(name) && !Object.hasOwn(configSchema.shape, name)) delete root[name]
  return root
}

function checkVersion(root: Node): ConfigProblem[] {
  const found = ofVersion1.find((name) => isNode(root[name]) || Array.isArray(root[name]))
  if (found === undefined) return []
  return [
    { path: found, found: root[found], expected: 'none: it is of MMTracking 1.x; expected a configuration of 0.x' },
  ]
}

/** `runner` is `total_epochs` with a name. */
function takeEpochs(root: Node): ConfigProblem[] {
  const { runner, total_epochs } = root
  if (!isNode(runner)) return []
  const { type, max_epochs, ...rest } = runner
  const problem = (key: string, found: unknown, expected: string) => [{ path: `runner${key}`, found, expected }]
  if (type !== 'EpochBasedRunner') return problem('.type', type, "'EpochBasedRunner'")
  const [other] = Object.keys(rest)
  if (other !== undefined) return problem(`.${other}`, rest[other], 'no entry but type and max_epochs')
  if (total_epochs !== undefined && total_epochs !== max_epochs) {
    return problem('.max_epochs', max_epochs, `${total_epochs}, as total_epochs`)
  }
  root.total_epochs = max_epochs
  delete root.runner
  return []
}

/**
 * Without a type it is a plain `OptimizerHook`, as in mmcv. Those of half precision are the plain ones with `fp16`, whose scale
 * may stand in either of the two; mmcv's default is 512.
 */
function takeOptimizerHook(root: Node): ConfigProblem[] {
  const hook = root.optimizer_config
  if (hook === null) delete root.optimizer_config
  if (!isNode(hook)) return []
  hook.type ??= 'OptimizerHook'
  const { type, loss_scale } = hook
  if (typeof type !== 'string' || !/fp16/i.test(type)) return []
  hook.type = type.replace(/fp16/i, '')
  delete hook.loss_scale
  const { fp16 } = root
  if (fp16 !== undefined && fp16 !== null && !isNode(fp16)) return []
  const other = fp16?.loss_scale
  if (loss_scale !== undefined && other !== undefined && !equal(loss_scale, other)) {
    const expected = `${JSON.stringify(other)}, as fp16.loss_scale`
    return [{ path: 'optimizer_config.loss_scale', found: loss_scale, expected }]
  }
  root.fp16 = { ...fp16, ...(loss_scale === undefined ? {} : { loss_scale }) }
  return []
}

/** What a hook of this type may say that changes nothing here; undefined: whatever it is. */
const unreadOfAverage: Readonly<Record<string, readonly unknown[] | undefined>> = {
  priority: undefined,
  resume_from: [null],
}

const averageHooks = ['ExpMomentumEMAHook', 'LinearMomentumEMAHook', 'EMAHook']

/** A moving average of the weights is the one hook of this kind; mmdet's check of the number of classes has nothing to check. */
function takeCustomHooks(root: Node): ConfigProblem[] {
  if (root.custom_hooks === null) delete root.custom_hooks
  if (!Array.isArray(root.custom_hooks)) return []
  const hooks = root.custom_hooks.filter((hook) => !isNode(hook) || hook.type !== 'NumClassCheckHook')
  root.custom_hooks = hooks
  const expected = `one of ${averageHooks.join(', ')}: the other hooks here are those of the other entries`
  return hooks.flatMap((hook, i): ConfigProblem[] => {
    if (!isNode(hook)) return []
    if (!averageHooks.includes(String(hook.type)))
      return [{ path: `custom_hooks.${i}.type`, found: hook.type, expected }]
    return takeNeutral(hook, unreadOfAverage, `custom_hooks.${i}`)
  })
}

/** Deletes entries of a node that change nothing. */
function takeNeutral(node: Node, entries: typeof unreadOfAverage, path: string): ConfigProblem[] {
  return Object.entries(entries).flatMap(([key, neutral]): ConfigProblem[] => {
    if (!Object.hasOwn(node, key)) return []
    const found = node[key]
    if (neutral?.some((value) => equal(value, found)) ?? true) {
      delete node[key]
      return []
    }
    return [{ path: `${path}.${key}`, found, expected: neutral?.map((v) => JSON.stringify(v)).join(' or ') ?? '' }]
  })
}

function leaveOut(root: Node): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  for (const [pattern, neutral] of Object.entries(unread)) {
    for (const { parent, key, path } of places(root, pattern.split('.'))) {
      const found = parent[key]
      if (neutral?.some((value) => equal(value, found)) ?? true) delete parent[key]
      else
        problems.push({
          path,
          found,
          expected: reasons[path] ?? neutral?.map((v) => JSON.stringify(v)).join(' or ') ?? '',
        })
    }
  }
  if (isNode(root.auto_scale_lr) && Object.keys(root.auto_scale_lr).length === 0) delete root.auto_scale_lr
  return problems
}

interface Place {
  readonly parent: Node
  readonly key: string
  readonly path: string
}

/** Where a dotted path leads; `*` stands for every item of a list. */
function places(node: unknown, [key = '', ...rest]: readonly string[], above = ''): Place[] {
  if (Array.isArray(node) && key === '*') return node.flatMap((item, i) => places(item, rest, `${above}${i}.`))
  if (!isNode(node) || !Object.hasOwn(node, key)) return []
  return rest.length === 0 ? [{ parent: node, key, path: above + key }] : places(node[key], rest, `${above}${key}.`)
}

/** mmcv finds a policy by its class, so that `Step` is `step`. */
function takePolicy(root: Node): void {
  const { lr_config } = root
  if (lr_config === null) delete root.lr_config
  if (!isNode(lr_config) || typeof lr_config.policy !== 'string') return
  const name = lr_config.policy.toLowerCase()
  if (['fixed', 'step', 'exp', 'poly', 'inv', 'cyclic'].includes(name)) lr_config.policy = name
}

const knownLoggers = ['TextLoggerHook', 'TensorboardLoggerHook']

/** Loggers that send to a server: nothing here opens a connection. */
function takeLoggers({ log_config }: Node): ConfigProblem[] {
  if (!isNode(log_config) || !Array.isArray(log_config.hooks)) return []
  const expected = `one of ${knownLoggers.join(', ')}: logs are files of the work folder, nothing is sent to a server`
  return log_config.hooks.flatMap((hook, i): ConfigProblem[] => {
    if (!isNode(hook) || knownLoggers.includes(String(hook.type))) return []
    return [{ path: `log_config.hooks.${i}.type`, found: hook.type, expected }]
  })
}

/** mmdet's later way to say how batches are loaded. */
function takeLoader({ data }: Node): void {
  if (!isNode(data) || !isNode(data.train_dataloader)) return
  Object.assign(data, data.train_dataloader)
  delete data.train_dataloader
}

/** A `ConcatDataset` is the list of its data sets. */
function takeConcatenation({ data }: Node): void {
  if (!isNode(data) || !isNode(data.train) || data.train.type !== 'ConcatDataset') return
  const { type: _, datasets, ...rest } = data.train
  if (Object.keys(rest).length === 0) data.train = datasets
}

/** A copy of lists and plain objects; what else a module may hold is shared, and left to the schema. */
export function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isNode(value) || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]))
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
