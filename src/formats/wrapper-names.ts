// Takes off what wrappers of a model add to the names of its tensors: PyTorch's (DataParallel, compile, FSDP), those of
// training programs (Lightning calls the model `model`), and the second set of weights that mmcv's EMAHook keeps among
// the first.

/** Names that wrappers give to the module in them, wherever they stand. */
const wrapperNames: ReadonlySet<string> = new Set([
  'module',
  '_orig_mod',
  '_forward_module',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
])

/** What the names of a tracker begin with, in MMTracking or pysot. */
const floors: ReadonlySet<string> = new Set(['backbone', 'neck', 'head', 'rpn_head'])

/**
 * The model's own name of every tensor.
 * @returns by the names of the file, in their order; averages of an EMAHook are left out
 */
export function withoutWrappers(names: Iterable<string>): Map<string, string> {
  const own = new Map([...names].map((name) => [name, withoutWrapper(name)]))
  const prefix = commonPrefix([...own.values()])
  const found = new Set([...own.values()].map((name) => name.slice(prefix.length)))
  const averages = new Set(
    [...found].map((name) => `ema_${name.replaceAll('.', '_')}`).filter((name) => found.has(name)),
  )
  const result = new Map<string, string>()
  for (const [name, stripped] of own) {
    const short = stripped.slice(prefix.length)
    if (!averages.has(short)) result.set(name, short)
  }
  return result
}

function withoutWrapper(name: string): string {
  if (!name.includes('mod')) return name
  return name
    .split('.')
    .filter((part, i, parts) => i === parts.length - 1 || !wrapperNames.has(part))
    .join('.')
}

/** What stands before the parts of a tracker in all names alike, `model.` say; empty where it does not. */
function commonPrefix(names: readonly string[]): string {
  const parts = names[0]?.split('.') ?? []
  const depth = parts.findIndex((part) => floors.has(part))
  if (depth <= 0) return ''
  const prefix = `${parts.slice(0, depth).join('.')}.`
  const below = (name: string) =>
    name.startsWith(prefix) && floors.has(name.slice(prefix.length).split('.', 1)[0] ?? '')
  return names.every(below) ? prefix : ''
}
