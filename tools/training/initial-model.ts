// Makes the weights that training starts from: drawn, under a pretrained backbone (`init_cfg`), or a whole checkpoint
// (`load_from`).

import { type CheckpointSource, type Config, initialWeights, readSource, SourceError } from 'siamrpn'
import {
  anchorsKey,
  type Checkpoint,
  CheckpointError,
  matchStateDict,
  readCheckpoint,
  type StateDict,
} from 'siamrpn/formats'
import { TrainingError } from 'siamrpn/train'

export interface InitialModelOptions {
  readonly seed: number
  /** Checkpoint to start from, instead of `init_cfg`. A backbone alone leaves the rest drawn. */
  readonly loadFrom: CheckpointSource | null
  /** Go on with a drawn backbone where the pretrained one cannot be fetched. */
  readonly mayLackBackbone: boolean
  /** Told of what was loaded. */
  readonly say: (line: string) => void
  readonly onProgress?: (done: number, total: number) => void
}

export interface InitialModel {
  readonly state: StateDict
  /** The anchors that the weights need; undefined where they need none in particular. */
  readonly anchors?: 'mmtracking' | 'pysot'
}

/** @throws SourceError, CheckpointError, TrainingError if the pretrained backbone cannot be fetched */
export async function initialModel({ model }: Config, options: InitialModelOptions): Promise<InitialModel> {
  const { seed, loadFrom, say } = options
  const drawn = initialWeights(model, seed)
  if (loadFrom !== null) {
    const file = await readFile(loadFrom, options)
    say(`weights: ${file.part === 'backbone' ? 'the backbone' : 'all'} of ${loadFrom}`)
    const implied = file.part === 'tracker' && (file.format !== 'bare' || Object.hasOwn(file.meta, anchorsKey))
    const state = overlay(drawn, file, String(loadFrom))
    return implied ? { state, anchors: file.anchors } : { state }
  }
  const init = model.backbone.init_cfg
  if (init === null) {
    say(`weights: drawn, seed ${seed}`)
    return { state: drawn }
  }
  const { checkpoint, prefix } = init
  try {
    const file = await readFile(checkpoint, options, prefix)
    const { stateDict, leftOut } = withoutFurtherLayers(file.stateDict, drawn)
    const without = leftOut.length > 0 ? ` without ${leftOut.join(', ')}` : ''
    say(`weights: the backbone of ${checkpoint}${without}, the rest drawn, seed ${seed}`)
    return { state: overlay(drawn, { stateDict, part: 'backbone' }, checkpoint) }
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause
    const fetched = /(^|\/)models\/pretrained\//.test(checkpoint) ? 'make it with `npm run pretrained`, ' : ''
    const way = `${fetched}give --load-from, or --set model.backbone.init_cfg=null to start from drawn weights`
    if (!options.mayLackBackbone)
      throw new TrainingError(`${cause.message} (model.backbone.init_cfg); ${way}`, { cause })
    say(`warning: ${cause.message}: the backbone starts from drawn weights, good for a try-out only (${way})`)
    return { state: drawn }
  }
}

async function readFile(
  source: CheckpointSource,
  { onProgress }: InitialModelOptions,
  prefix: string | null = null,
): Promise<Checkpoint> {
  const location = typeof source === 'string' && /^https?:\/\//.test(source) ? new URL(source) : source
  const file = readCheckpoint(await readSource(location, onProgress && { onProgress }), String(source))
  if (prefix === null) return file
  const cut = prefix.endsWith('.') ? prefix : `${prefix}.`
  const below = [...file.stateDict].flatMap(([name, tensor]) =>
    name.startsWith(cut) ? [[`backbone.${name.slice(cut.length)}`, tensor] as const] : [],
  )
  if (below.length === 0) throw new CheckpointError(`${source} has no tensor below \`${prefix}\``)
  return { ...file, stateDict: new Map(below) }
}

/** A pretrained backbone without the layers that follow the model's last one, and their names. */
function withoutFurtherLayers(
  found: StateDict,
  model: StateDict,
): { readonly stateDict: StateDict; readonly leftOut: readonly string[] } {
  const layerOf = (name: string) => /^backbone\.[^.]+/.exec(name)?.[0]
  const layers = new Set([...model.keys()].map(layerOf))
  const further = [...found.keys()].map(layerOf).filter((layer) => layer !== undefined && !layers.has(layer))
  const stateDict = new Map([...found].filter(([name]) => !further.includes(layerOf(name))))
  return { stateDict, leftOut: [...new Set(further)].map((layer) => String(layer).slice('backbone.'.length)) }
}

function overlay(drawn: StateDict, file: Pick<Checkpoint, 'stateDict' | 'part'>, name: string): StateDict {
  const shapes = new Map([...drawn].map(([key, { shape }]) => [key, shape]))
  const options = file.part === 'backbone' ? ({ part: 'backbone', name } as const) : { name }
  return new Map([...drawn, ...matchStateDict(shapes, file.stateDict, options)])
}
