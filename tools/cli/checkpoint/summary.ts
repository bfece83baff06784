// Describes a checkpoint in lines for a terminal: container, layout, anchors, sizes, what lies beside the weights, and
// which of the named configurations it fits.

import { stateDictShapes } from 'siamrpn'
import { configNames, namedConfig } from 'siamrpn/configs'
import {
  type Checkpoint,
  elementCount,
  isTensor,
  type MetaValue,
  matchStateDict,
  StateDictMismatchError,
} from 'siamrpn/formats'
import { fact, formatBytes } from '../terminal.ts'

const containers: Readonly<Record<Checkpoint['container'], string>> = {
  'torch-zip': 'torch.save, zip',
  'torch-legacy': 'torch.save, legacy (before PyTorch 1.6)',
  safetensors: 'safetensors',
}

const layouts: Readonly<Record<Checkpoint['format'], string>> = {
  mmtracking: "MMTracking's: weights under `state_dict`",
  pysot: "pysot's names, shown here as MMTracking's",
  bare: 'bare: tensors by name',
}

/** Characters of a text in `meta` that are shown. */
const shownText = 60

/** Everything but how it fits a configuration. @param bytes size of the file */
export function describeCheckpoint(checkpoint: Checkpoint, bytes: number): string[] {
  const { container, format, part, anchors, meta } = checkpoint
  const entries = Object.entries(meta).map(([key, value], index) =>
    fact(index === 0 ? 'meta' : '', `${key}: ${describeValue(value)}`),
  )
  return [
    fact('container', `${containers[container]}, ${formatBytes(bytes)}`),
    fact('layout', layouts[format]),
    fact('part', part === 'tracker' ? 'whole tracker' : 'backbone alone'),
    fact('anchors', anchors),
    fact('tensors', describeTensors(checkpoint)),
    fact('numbers', describeNumbers(checkpoint)),
    fact('optimizer', describeOptimizer(checkpoint)),
    ...entries,
  ]
}

function describeOptimizer({ optimizer, optimizerState }: Checkpoint): string {
  if (optimizer) return `yes, with ${[...optimizer.keys()].map(String).join(', ')}`
  return optimizerState.size > 0 ? `yes, ${optimizerState.size} tensors` : 'no'
}

function describeTensors({ stateDict }: Checkpoint): string {
  const kinds = new Map<string, number>()
  for (const { dtype } of stateDict.values()) kinds.set(dtype, (kinds.get(dtype) ?? 0) + 1)
  return `${stateDict.size} (${[...kinds].map(([dtype, count]) => `${count} ${dtype}`).join(', ')})`
}

function describeNumbers({ stateDict }: Checkpoint): string {
  const parameters = new Map<string, number>()
  let buffers = 0
  for (const [name, { shape }] of stateDict) {
    const count = elementCount(shape)
    if (/\.(running_mean|running_var|num_batches_tracked)$/.test(name)) buffers += count
    else {
      const [module = name] = name.split('.', 1)
      parameters.set(module, (parameters.get(module) ?? 0) + count)
    }
  }
  const all = [...parameters.values()].reduce((sum, count) => sum + count, 0)
  const modules = [...parameters].map(([module, count]) => `${module} ${count.toLocaleString('en')}`).join(', ')
  return `${all.toLocaleString('en')} parameters (${modules}), ${buffers.toLocaleString('en')} in buffers`
}

function describeValue(value: MetaValue): string {
  if (typeof value === 'string') return shorten(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (isTensor(value)) return `${value.dtype} [${value.shape.join(', ')}]`
  const [items, brackets] = Array.isArray(value) ? [value.map(String), '[]'] : [Object.keys(value), '{}']
  return `${brackets[0]}${shorten(items.join(', '))}${brackets[1]}`
}

function shorten(text: string): string {
  const [line = ''] = text.trim().split('\n', 1)
  const shown = line.length > shownText ? line.slice(0, shownText) : line
  return shown === text.trim() ? shown : `${shown} ... (${text.length} characters)`
}

/** How a checkpoint fits one configuration. */
export interface ConfigFit {
  readonly config: string
  /** Missing from the checkpoint, unexpected in it, or of another shape. */
  readonly differences: number
  /** The names, by kind; empty if it fits. */
  readonly lines: readonly string[]
}

/** Compares names and shapes; of a backbone alone, those of the backbone. @throws ConfigError for an unknown name */
export function fitTo(checkpoint: Checkpoint, config: string): ConfigFit {
  const { model } = namedConfig(config)
  try {
    const part = checkpoint.part === 'backbone' ? { part: 'backbone' as const } : {}
    matchStateDict(stateDictShapes(model), checkpoint.stateDict, part)
    return { config, differences: 0, lines: [] }
  } catch (error) {
    if (!(error instanceof StateDictMismatchError)) throw error
    const differences = error.missing.length + error.unexpected.length + error.misshaped.length
    return { config, differences, lines: error.message.split('\n').slice(1) }
  }
}

/** The named configuration that fits best. */
export function bestFit(checkpoint: Checkpoint): ConfigFit {
  const fits = configNames.map((config) => fitTo(checkpoint, config))
  return fits.reduce((best, fit) => (fit.differences < best.differences ? fit : best))
}

/** The lines about a fit. @param asked whether the configuration was named, not chosen */
export function describeFit({ config, differences, lines }: ConfigFit, asked: boolean): string[] {
  if (differences === 0) return [fact('config', `${config} fits`)]
  const count = differences === 1 ? '1 difference' : `${differences} differences`
  const text = asked ? `${config} does not fit: ${count}` : `none fits; ${config} is nearest, with ${count}`
  return [fact('config', text), ...lines]
}
