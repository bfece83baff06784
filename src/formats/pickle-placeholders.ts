// Placeholders for the objects of other programs in a checkpoint: training loops pickle their own beside the weights
// (MMEngine its message hub, Lightning its callbacks). Nothing of theirs is run or looked at; a placeholder keeps the
// name, and whoever needs a tensor there is told it. Programs that are known for doing harm are refused even so: such a
// file is no checkpoint.

import { quote } from '../gpu/message.ts'
import { UnsafePickleError, type UnsupportedCheckpointError } from './errors.ts'
import { PickleBuildable, type PickleValue } from './pickle-value.ts'

/** A global that is not on the list, or what calling one would have made. */
export class Placeholder extends PickleBuildable {
  /** `module.name` of the global. */
  readonly pickleName: string
  /** Why a known global could not make its value. */
  readonly reason: UnsupportedCheckpointError | undefined

  constructor(name: string, reason?: UnsupportedCheckpointError) {
    super()
    this.pickleName = name
    this.reason = reason
  }

  /** State, items and attributes of something unknown are dropped. */
  build(): void {}
}

/** Modules that only an attack names: they run programs, open files and connections, or load code. */
const harmfulModules: ReadonlySet<string> = new Set(
  (
    'os posix nt ntpath posixpath subprocess sys shutil socket importlib runpy pty commands popen2 code codeop ctypes ' +
    'webbrowser pickle _pickle marshal multiprocessing asyncio threading urllib http ftplib smtplib telnetlib builtin ' +
    'platform pdb bdb timeit trace cProfile profile distutils setuptools pip zipimport pkgutil tempfile glob io _io ' +
    'idlelib lib2to3 site'
  ).split(' '),
)

const harmfulBuiltins: ReadonlySet<string> = new Set([
  'eval',
  'exec',
  'execfile',
  'compile',
  'open',
  'file',
  '__import__',
  'input',
  'breakpoint',
  'globals',
  'apply',
])

/** Whether a global is one that no checkpoint has any use for. */
function isHarmful(module: string, name: string): boolean {
  const root = module.split('.', 1)[0] ?? ''
  if (root === 'builtins' || root === '__builtin__' || root === '__builtins__') return harmfulBuiltins.has(name)
  return harmfulModules.has(root) || /(?:^|\.)__/.test(name) || `${module}.${name}` === 'torch.load'
}

/** What stands for a global that is not on the list. @throws UnsafePickleError for a harmful one */
export function placeholderFor(module: string, name: string): Placeholder {
  if (isHarmful(module, name)) throw refusal(`${module}.${name}`)
  return new Placeholder(`${module}.${name}`)
}

/** A global that is not on the list where nothing may stand in for it. */
export function refusal(global: string): UnsafePickleError {
  const hint = global.startsWith('torch.nn') ? '; save model.state_dict() instead' : ''
  return new UnsafePickleError(
    `the pickle asks for the Python global ${quote(global, 200)}, which is not on the list of those that checkpoints ` +
      `need; it was refused and nothing was run${hint}`,
    global,
  )
}

/**
 * Refuses a placeholder where tensors are needed.
 * @throws UnsafePickleError that names its global; UnsupportedCheckpointError where that is known, but not its value
 */
export function refusePlaceholder(value: PickleValue | undefined): void {
  if (value instanceof Placeholder) throw value.reason ?? refusal(value.pickleName)
}
