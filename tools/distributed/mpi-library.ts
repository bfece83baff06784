// The system's MPI library, called through koffi. MPI fixes names and arguments, not what handles are: Open MPI's are
// addresses of its own variables, MPICH's (and those of its kin, Intel MPI and MVAPICH) are numbers. Each library serves only
// the ranks that its own mpirun has started, so that the environment says which one to load.
// Sources: mpi.h of Open MPI 4.1 and MPICH 4.0; the MPI standard, version 3.1.

import { fstatSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { LibraryHandle } from 'koffi'
import { MpiError } from './errors.ts'

export type MpiFamily = 'Open MPI' | 'MPICH'

/** What each family's mpirun leaves in the environment of the ranks, and how its libraries are called. */
const families = [
  {
    family: 'Open MPI',
    marks: ['OMPI_COMM_WORLD_SIZE', 'PMIX_RANK'],
    files: ['libmpi.so.40', 'libmpi.so', 'libmpi.40.dylib', 'libmpi.dylib'],
    packages: 'openmpi-bin (Debian, Ubuntu), openmpi (Fedora, Homebrew)',
  },
  {
    family: 'MPICH',
    marks: ['PMI_SIZE', 'PMI_RANK', 'PMI_PORT'],
    files: ['libmpich.so.12', 'libmpi.so.12', 'libmpich.so', 'libmpi.12.dylib', 'libpmpi.12.dylib'],
    packages: 'mpich (Debian, Ubuntu, Fedora, Homebrew)',
  },
] as const satisfies readonly { readonly family: MpiFamily; readonly [key: string]: unknown }[]

/** Whose mpirun has started this process; undefined if none has. */
export function launchedBy(environment: NodeJS.ProcessEnv): MpiFamily | undefined {
  return families.find(({ marks }) => marks.some((mark) => environment[mark] !== undefined))?.family
}

/** Whether the environment says that a launcher has started this process alone, as batch systems do with any program. */
export function isAlone({ OMPI_COMM_WORLD_SIZE, PMI_SIZE, SLURM_STEP_NUM_TASKS }: NodeJS.ProcessEnv): boolean {
  return (OMPI_COMM_WORLD_SIZE ?? PMI_SIZE ?? SLURM_STEP_NUM_TASKS) === '1'
}

/** A communicator, a data type, an error handler. */
export type Handle = number | bigint
/** An operation under way, as MPI notes it. */
export type Request = BigUint64Array<ArrayBuffer>

/** Codes of MPI that are needed; the same in both families unless said otherwise. */
const mpiSuccess = 0
const mpiThreadFunneled = 1
const longestText = 1024
const statusBytes = 64

// With MPICH 4.0 and UCX, which moves its data, 2 of 23 starts of three ranks ended with a broken heap in MPI_Init; with the larger
// stack 1 of 54, with UCX's settings too none of 49.

/** koffi's own stack for calls; its usual one is a megabyte. */
const stackBytes = 8 << 20

/**
 * UCX is not to patch the functions that get and free memory, which Node's other threads use meanwhile, nor to keep a process that
 * has crashed from ending. What the environment says comes first.
 */
const ucxSettings = { UCX_MEM_EVENTS: 'n', UCX_MEM_MMAP_HOOK_MODE: 'none', UCX_ERROR_SIGNALS: '' }

interface Constants {
  readonly world: Handle
  readonly float: Handle
  readonly byte: Handle
  readonly errorsReturn: Handle
  readonly anySource: number
  /** How C passes a handle. */
  readonly handle: 'uintptr_t' | 'int'
}

function constantsOf(family: MpiFamily, library: LibraryHandle): Constants {
  if (family === 'Open MPI') {
    return {
      world: library.symbol('ompi_mpi_comm_world'),
      float: library.symbol('ompi_mpi_float'),
      byte: library.symbol('ompi_mpi_byte'),
      errorsReturn: library.symbol('ompi_mpi_errors_return'),
      anySource: -1,
      handle: 'uintptr_t',
    }
  }
  return {
    world: 0x44000000,
    float: 0x4c00040a,
    byte: 0x4c00010d,
    errorsReturn: 0x54000001,
    anySource: -2,
    handle: 'int',
  }
}

export class MpiLibrary {
  readonly family: MpiFamily
  readonly constants: Constants
  readonly #library: LibraryHandle
  readonly #functions = new Map<string, (...args: unknown[]) => number>()
  readonly #status = new Uint8Array(statusBytes)
  readonly #flag = new Int32Array(1)

  /**
   * Loads the library and starts MPI.
   * @param file another library of that family than the one that the system finds
   * @throws MpiError if there is none, with what to install
   */
  static open(family: MpiFamily, file?: string): MpiLibrary {
    checkConnection(family, process.env)
    const library = new MpiLibrary(family, loadLibrary(family, file))
    const provided = new Int32Array(1)
    library.#call('MPI_Init_thread', ['void *', 'void *', 'int', 'void *'], null, null, mpiThreadFunneled, provided)
    library.#call(
      'MPI_Comm_set_errhandler',
      ['handle', 'handle'],
      library.constants.world,
      library.constants.errorsReturn,
    )
    return library
  }

  private constructor(family: MpiFamily, library: LibraryHandle) {
    this.family = family
    this.#library = library
    this.constants = constantsOf(family, library)
  }

  get rank(): number {
    return this.#number('MPI_Comm_rank')
  }

  get size(): number {
    return this.#number('MPI_Comm_size')
  }

  /** A communicator of all ranks whose messages never meet those of another. */
  duplicate(): Handle {
    const made = new BigUint64Array(1)
    this.#call('MPI_Comm_dup', ['handle', 'void *'], this.constants.world, made)
    return this.constants.handle === 'int' ? (new Int32Array(made.buffer)[0] ?? 0) : (made[0] ?? 0n)
  }

  /** Begins: rank r gets block r of every rank, in their order. Blocks have `count` float32. */
  exchangeBlocks(send: Float32Array, receive: Float32Array, count: number, communicator: Handle): Request {
    const { float } = this.constants
    const types = ['void *', 'int', 'handle', 'void *', 'int', 'handle', 'handle', 'void *'] as const
    return this.#begin('MPI_Ialltoall', types, send, count, float, receive, count, float, communicator)
  }

  /** Begins: every rank gets `count` elements of every rank, in their order. */
  gather(
    send: Float32Array | Uint8Array,
    receive: Float32Array | Uint8Array,
    count: number,
    communicator: Handle,
  ): Request {
    const type = send instanceof Float32Array ? this.constants.float : this.constants.byte
    const types = ['void *', 'int', 'handle', 'void *', 'int', 'handle', 'handle', 'void *'] as const
    return this.#begin('MPI_Iallgather', types, send, count, type, receive, count, type, communicator)
  }

  /** Begins: every rank gets the bytes of rank 0. */
  broadcast(bytes: Uint8Array, communicator: Handle): Request {
    const types = ['void *', 'int', 'handle', 'int', 'handle', 'void *'] as const
    return this.#begin('MPI_Ibcast', types, bytes, bytes.length, this.constants.byte, 0, communicator)
  }

  /** Begins to send bytes to one rank. */
  send(bytes: Uint8Array, rank: number, communicator: Handle): Request {
    const types = ['void *', 'int', 'handle', 'int', 'int', 'handle', 'void *'] as const
    return this.#begin('MPI_Isend', types, bytes, bytes.length, this.constants.byte, rank, 0, communicator)
  }

  /** Begins to receive as many bytes from whichever rank sends some. */
  receive(bytes: Uint8Array, communicator: Handle): Request {
    const types = ['void *', 'int', 'handle', 'int', 'int', 'handle', 'void *'] as const
    const { byte, anySource } = this.constants
    return this.#begin('MPI_Irecv', types, bytes, bytes.length, byte, anySource, 0, communicator)
  }

  /** Whether an operation has ended; moves all operations on. Not to be asked again after a yes. @throws MpiError if it failed */
  ended(request: Request): boolean {
    this.#call('MPI_Test', ['void *', 'void *', 'void *'], request, this.#flag, this.#status)
    return this.#flag[0] !== 0
  }

  /** Gives up an operation that will not end any more. */
  cancel(request: Request): void {
    this.#call('MPI_Cancel', ['void *'], request)
    this.#call('MPI_Wait', ['void *', 'void *'], request, this.#status)
  }

  /** Ends the processes of all ranks, this one too. */
  abort(code: number): void {
    this.#call('MPI_Abort', ['handle', 'int'], this.constants.world, code)
  }

  /** Ends MPI; all ranks must do it. */
  finalize(): void {
    this.#call('MPI_Finalize', [])
  }

  #number(name: 'MPI_Comm_rank' | 'MPI_Comm_size'): number {
    const found = new Int32Array(1)
    this.#call(name, ['handle', 'void *'], this.constants.world, found)
    return found[0] ?? 0
  }

  #begin(name: string, types: readonly string[], ...args: unknown[]): Request {
    const request: Request = new BigUint64Array(1)
    this.#call(name, types, ...args, request)
    return request
  }

  #call(name: string, types: readonly string[], ...args: unknown[]): void {
    let known = this.#functions.get(name)
    if (!known) {
      known = this.#library.func(
        name,
        'int',
        types.map((type) => (type === 'handle' ? this.constants.handle : type)),
      )
      this.#functions.set(name, known)
    }
    const code = known(...args)
    if (code !== mpiSuccess) throw new MpiError(`${name} failed: ${this.#errorText(code)}`)
  }

  #errorText(code: number): string {
    const text = new Uint8Array(longestText)
    const length = new Int32Array(1)
    this.#library.func('MPI_Error_string', 'int', ['int', 'void *', 'void *'])(code, text, length)
    return new TextDecoder().decode(text.subarray(0, length[0])) || `error ${code}`
  }
}

function loadLibrary(family: MpiFamily, file: string | undefined): LibraryHandle {
  const { config, load } = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  config({ sync_stack_size: stackBytes })
  for (const [name, value] of Object.entries(ucxSettings)) process.env[name] ??= value
  const known = families.find((each) => each.family === family)
  const tried: string[] = []
  for (const name of file === undefined ? (known?.files ?? []) : [file]) {
    try {
      // Open MPI loads parts of itself that look for it among the symbols of the process.
      const library = load(name, { global: true })
      const isOpen = has(library, 'ompi_mpi_comm_world')
      if (isOpen === (family === 'Open MPI') && has(library, 'MPI_Init_thread')) return library
      tried.push(`${name} (found, but it is not of ${family})`)
    } catch {
      tried.push(name)
    }
  }
  throw new MpiError(
    `mpirun of ${family} has started this process, but its library was not found; tried ${tried.join(', ')}. Install ` +
      `${known?.packages}, let LD_LIBRARY_PATH lead to it, or name it with --mpi-library`,
  )
}

function has(library: LibraryHandle, name: string): boolean {
  try {
    return Boolean(library.symbol(name))
  } catch {
    return false
  }
}

/** MPICH's mpirun speaks with the ranks over an inherited file, which npx and other launchers on the way close. */
function checkConnection(family: MpiFamily, { PMI_FD }: NodeJS.ProcessEnv): void {
  if (family !== 'MPICH' || PMI_FD === undefined || isSocket(Number(PMI_FD))) return
  throw new MpiError(
    "MPICH's mpirun cannot be heard: a program between it and this process (npx, npm, tsx) has closed its connection; " +
      'use mpirun -pmi-port, or start node itself: mpirun -n 2 node node_modules/.bin/siamrpn ...',
  )
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket()
  } catch {
    return false
  }
}
