// Strict loading: a state dict must hold exactly the names and shapes that the model has. Loading what fits and
// dropping the rest makes trackers that run and track wrongly, so every difference is an error that lists the names.

import { cut, showShape } from '../gpu/message.ts'
import { BackboneOnlyError, type ShapeMismatch, StateDictMismatchError } from './errors.ts'
import type { NamedTensor, StateDict } from './state-dict.ts'

const shownNames = 12
const longestLine = 400
const backbonePrefix = 'backbone.'
const counterSuffix = '.num_batches_tracked'

export interface MatchOptions {
  /** Ask for the backbone alone: names outside `backbone.` are ignored on both sides. Default: everything. */
  readonly part?: 'backbone'
  /** What to call the checkpoint in error messages. */
  readonly name?: string
}

/**
 * The tensors of `found` that `expected` names, in the order of `expected`.
 *
 * `num_batches_tracked` may be absent (PyTorch before 0.4.1 had none) and then is absent in the result; where the model
 * does not list it, but its batch norm, it is dropped.
 *
 * @param expected shapes by MMTracking's names, in PyTorch's layouts (`[O, I, kh, kw]` for convolutions)
 * @param found names as `readCheckpoint` gives them
 * @throws BackboneOnlyError if neck and head are expected and the file is only a backbone;
 * StateDictMismatchError with the missing, unexpected and mis-shaped names otherwise.
 */
export function matchStateDict(
  expected: ReadonlyMap<string, readonly number[]>,
  found: ReadonlyMap<string, NamedTensor>,
  options: MatchOptions = {},
): StateDict {
  const label = options.name ?? 'checkpoint'
  const inPart = (name: string) => options.part !== 'backbone' || name.startsWith(backbonePrefix)
  const wanted = [...expected.keys()].filter(inPart)
  const given = [...found.keys()].filter(inPart)
  checkNotBackboneOnly(wanted, given, label)

  const missing = wanted.filter((name) => !found.has(name) && !name.endsWith(counterSuffix))
  const unexpected = given.filter((name) => !expected.has(name) && !isCounterOfKnown(name, expected))
  const misshaped: ShapeMismatch[] = []
  const matched: StateDict = new Map()
  for (const name of wanted) {
    const tensor = found.get(name)
    const shape = expected.get(name)
    if (tensor === undefined || shape === undefined) continue
    if (sameShape(shape, tensor.shape)) matched.set(name, tensor)
    else misshaped.push({ name, expected: shape, found: tensor.shape })
  }
  if (missing.length + unexpected.length + misshaped.length > 0) {
    const lists = { missing, unexpected, misshaped }
    throw new StateDictMismatchError(`${label} does not fit the model.\n${describeLists(lists)}`, lists)
  }
  return matched
}

function checkNotBackboneOnly(wanted: readonly string[], given: readonly string[], label: string): void {
  const isBackbone = (name: string) => name.startsWith(backbonePrefix)
  if (given.length === 0 || wanted.every(isBackbone) || !given.every(isBackbone)) return
  throw new BackboneOnlyError(
    `${label} is only a backbone: its ${given.length} tensors are all 'backbone.*', and the tracker's neck and head are ` +
      'missing. With random weights in their place the tracker would run and track wrongly. To start training from ' +
      "it, ask for it as a backbone ({ part: 'backbone' }); to track, give a checkpoint of a whole tracker.",
  )
}

function isCounterOfKnown(name: string, expected: ReadonlyMap<string, readonly number[]>): boolean {
  return name.endsWith(counterSuffix) && expected.has(`${name.slice(0, -counterSuffix.length)}.running_mean`)
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

function describeLists(lists: {
  missing: readonly string[]
  unexpected: readonly string[]
  misshaped: readonly ShapeMismatch[]
}): string {
  const shapes = lists.misshaped.map(
    ({ name, found, expected }) => `${cut(name)}: ${showShape(found)}, expected ${showShape(expected)}`,
  )
  return [
    section('missing', lists.missing),
    section('unexpected', lists.unexpected),
    section('of another shape', shapes),
  ]
    .filter((text) => text !== '')
    .join('\n')
}

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return ''
  const shown = lines.slice(0, shownNames).map((line) => `  ${cut(line, longestLine)}`)
  const rest = lines.length - shown.length
  return [`${lines.length} ${title}:`, ...shown, ...(rest > 0 ? [`  ... and ${rest} more`] : [])].join('\n')
}
