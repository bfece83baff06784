// A pickle reader that builds data and runs nothing (the format: Lib/pickletools.py of CPython, protocols 2 to 5, as
// torch.save writes them). A pickle is a program for a stack machine; the dangerous instructions are those that name
// a Python global and call it. Here a global resolves only against an allow-list of plain TypeScript functions, and
// everything else is refused as soon as it is named. Instructions, memo, numbers and nesting are bounded, so that no
// small file costs much.

import type { ByteReader } from './bytes.ts'
import { CorruptCheckpointError, UnsupportedCheckpointError } from './errors.ts'
import { readLiteral } from './pickle-literals.ts'
import { Placeholder, placeholderFor, refusal } from './pickle-placeholders.ts'
import {
  type Charge,
  checkNesting,
  PickleBuildable,
  PickleGlobal,
  type PickleHelper,
  type PickleValue,
} from './pickle-value.ts'

export interface PickleOptions {
  /** Allowed globals by `module.name`. */
  readonly globals: ReadonlyMap<string, PickleHelper>
  /** Resolves persistent ids (storages of tensors); without it they are errors. */
  readonly persistentLoad?: (id: PickleValue) => PickleValue
  /** Other globals become placeholders instead of being refused. */
  readonly placeholders?: boolean
}

const maxWork = 2 ** 23
/** Work of an instruction that allocates an object rather than a slot on the stack: bounds memory, not only time. */
const objectWork = 16
/** Work of an instruction that allocates a text or a number. */
const valueWork = 4
/** Characters of text per step: there may be 64 MiB of them. */
const textPerStep = 8
/** Bytes of the pickle per step, whatever they hold. */
const bytesPerStep = 16
const maxMemo = 2 ** 20
const maxLine = 1024
const mark = Symbol('mark')

/**
 * Reads one pickle and leaves the reader behind its STOP.
 * @throws UnsafePickleError for a global outside the allow-list; TruncatedCheckpointError at the end of the bytes;
 * CorruptCheckpointError and UnsupportedCheckpointError for anything else that is no pickle of plain data.
 */
export function readPickle(reader: ByteReader, options: PickleOptions): PickleValue {
  const value = new Machine(reader, options).run()
  checkNesting(value)
  return value
}

class Machine {
  readonly #reader: ByteReader
  readonly #options: PickleOptions
  readonly #memo = new Map<number, PickleValue>()
  #stack: (PickleValue | typeof mark)[] = []
  #work = 0
  readonly #charge: Charge = (work) => {
    this.#work += work
    if (this.#work > maxWork) {
      throw new CorruptCheckpointError(`the pickle takes more than ${maxWork} steps`)
    }
  }

  constructor(reader: ByteReader, options: PickleOptions) {
    this.#reader = reader
    this.#options = options
  }

  run(): PickleValue {
    let before = this.#reader.offset
    for (;;) {
      this.#charge(1 + (this.#reader.offset - before) / bytesPerStep)
      const at = this.#reader.offset
      before = at
      const code = this.#reader.u8('pickle instruction')
      if (code === 0x2e) break
      const literal = readLiteral(code, this.#reader)
      if (literal !== undefined) this.#pushLiteral(literal)
      if (literal !== undefined || this.#container(code) || this.#object(code)) continue
      const shown = code > 0x20 && code < 0x7f ? `'${String.fromCharCode(code)}'` : `0x${code.toString(16)}`
      throw new UnsupportedCheckpointError(
        `pickle instruction ${shown} at byte ${at} is not one that torch.save writes`,
      )
    }
    return this.#pop()
  }

  #push(value: PickleValue): true {
    this.#stack.push(value)
    return true
  }

  #pushNew(value: PickleValue): true {
    this.#charge(objectWork)
    return this.#push(value)
  }

  #pushLiteral(value: PickleValue): true {
    if (typeof value === 'object' && value !== null) return this.#pushNew(value)
    if (typeof value === 'string') this.#charge(valueWork + Math.floor(value.length / textPerStep))
    else if (!(typeof value === 'number' && Number.isInteger(value)) && typeof value !== 'boolean') {
      this.#charge(valueWork)
    }
    return this.#push(value)
  }

  #pop(): PickleValue {
    const value = this.#stack.pop()
    if (value === undefined || value === mark) throw this.#broken('takes a value from an empty stack')
    return value
  }

  #peek(): PickleValue {
    const value = this.#stack.at(-1)
    if (value === undefined || value === mark) throw this.#broken('needs a value on the stack')
    return value
  }

  /** The values above the topmost mark; both go. */
  #popMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark)
    if (at < 0) throw this.#broken('needs a mark on the stack')
    const values = this.#stack.splice(at + 1) as PickleValue[]
    this.#stack.pop()
    return values
  }

  #broken(what: string): CorruptCheckpointError {
    return new CorruptCheckpointError(`malformed pickle: the instruction before byte ${this.#reader.offset} ${what}`)
  }

  #container(code: number): boolean {
    switch (code) {
      case 0x28: // MARK
        this.#stack.push(mark)
        return true
      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        return this.#pushNew([])
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#pushNew(Array.from({ length: code - 0x84 }, () => this.#pop()).reverse())
      case 0x74: // TUPLE
      case 0x6c: // LIST
        return this.#pushNew(this.#popMark())
      case 0x61: // APPEND
        return this.#append([this.#pop()])
      case 0x65: // APPENDS
        return this.#append(this.#popMark())
      case 0x7d: // EMPTY_DICT
        return this.#pushNew(new Map())
      case 0x64: // DICT
        return this.#pushNew(this.#setItems(new Map(), this.#popMark()))
      case 0x73: // SETITEM
        this.#setItems(undefined, [this.#pop(), this.#pop()].reverse())
        return true
      case 0x75: // SETITEMS
        this.#setItems(undefined, this.#popMark())
        return true
      case 0x8f: // EMPTY_SET
        return this.#pushNew(new Set())
      case 0x91: // FROZENSET
        return this.#pushNew(new Set(this.#popMark()))
      case 0x90: // ADDITEMS
        return this.#addItems(this.#popMark())
      default:
        return false
    }
  }

  #object(code: number): boolean {
    const r = this.#reader
    switch (code) {
      case 0x80: // PROTO
        return this.#protocol(r.u8('pickle protocol'))
      case 0x95: // FRAME
        r.u64('pickle frame')
        return true
      case 0x30: // POP
        this.#stack.pop()
        return true
      case 0x31: // POP_MARK
        this.#popMark()
        return true
      case 0x32: // DUP
        return this.#push(this.#peek())
      case 0x71: // BINPUT
        return this.#remember(r.u8('pickle memo'))
      case 0x72: // LONG_BINPUT
        return this.#remember(r.u32('pickle memo'))
      case 0x94: // MEMOIZE
        return this.#remember(this.#memo.size)
      case 0x68: // BINGET
        return this.#recall(r.u8('pickle memo'))
      case 0x6a: // LONG_BINGET
        return this.#recall(r.u32('pickle memo'))
      case 0x63: // GLOBAL
      case 0x69: // INST: names its class like GLOBAL, which decides whether it is refused by name
        return this.#global(r.line(maxLine, 'pickle module name'), r.line(maxLine, 'pickle global name'), code)
      case 0x93: // STACK_GLOBAL
        return this.#stackGlobal()
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.#call()
      case 0x92: // NEWOBJ_EX
        return this.#callByName()
      case 0x62: // BUILD
        return this.#build()
      case 0x51: // BINPERSID
        return this.#persistent()
      default:
        return false
    }
  }

  #protocol(version: number): true {
    if (version > 5) throw new UnsupportedCheckpointError(`pickle protocol ${version}, expected 2 to 5`)
    return true
  }

  #append(values: readonly PickleValue[]): true {
    const list = this.#peek()
    if (list instanceof Placeholder) return true
    if (!Array.isArray(list)) throw this.#broken('appends to something that is no list')
    for (const value of values) list.push(value)
    return true
  }

  #addItems(values: readonly PickleValue[]): true {
    const set = this.#peek()
    if (set instanceof Placeholder) return true
    if (!(set instanceof Set)) throw this.#broken('adds to something that is no set')
    for (const value of values) set.add(value)
    return true
  }

  #setItems(map: Map<PickleValue, PickleValue> | undefined, items: readonly PickleValue[]) {
    const target = map ?? this.#peek()
    if (target instanceof Placeholder) return target
    if (!(target instanceof Map)) throw this.#broken('sets items of something that is no dict')
    for (let i = 0; i < items.length; i += 2) {
      const [key, value] = [items[i], items[i + 1]]
      if (key === undefined || value === undefined) throw this.#broken('sets a key without a value')
      target.set(key, value)
    }
    return target
  }

  #remember(index: number): true {
    if (this.#memo.size >= maxMemo) throw new CorruptCheckpointError(`the pickle memorises more than ${maxMemo} values`)
    this.#memo.set(index, this.#peek())
    return true
  }

  #recall(index: number): true {
    const value = this.#memo.get(index)
    if (value === undefined) throw this.#broken(`recalls memo entry ${index}, which was never stored`)
    return this.#push(value)
  }

  #global(module: string, name: string, code = 0x63): boolean {
    const full = `${module}.${name}`
    this.#charge(objectWork + Math.floor(full.length / textPerStep))
    const known = this.#options.globals.get(full)
    if (known === undefined) {
      if (this.#options.placeholders !== true || code !== 0x63) throw refusal(full)
      return this.#pushNew(placeholderFor(module, name))
    }
    return code === 0x63 && this.#push(known)
  }

  #stackGlobal(): boolean {
    const name = this.#pop()
    const module = this.#pop()
    if (typeof name !== 'string' || typeof module !== 'string') throw this.#broken('names a global without texts')
    return this.#global(module, name)
  }

  #call(): true {
    const args = this.#pop()
    const callee = this.#pop()
    if (callee instanceof Placeholder) return this.#pushNew(new Placeholder(callee.pickleName))
    if (!(callee instanceof PickleGlobal)) throw this.#broken('calls something that is no global')
    if (!Array.isArray(args)) throw this.#broken(`calls ${callee.pickleName} without a tuple of arguments`)
    return this.#pushNew(this.#made(callee, args))
  }

  /** What is made from a placeholder is one; so is a kind of value that is not read, where placeholders may be. */
  #made(callee: PickleGlobal, args: readonly PickleValue[]): PickleValue {
    const unknown = args.find((arg) => arg instanceof Placeholder)
    if (unknown !== undefined) return new Placeholder(unknown.pickleName)
    try {
      return callee.call(args, this.#charge)
    } catch (error) {
      if (!this.#options.placeholders || !(error instanceof UnsupportedCheckpointError)) throw error
      return new Placeholder(callee.pickleName, error)
    }
  }

  /** A class, positional and named arguments; none of the known ones is made so. */
  #callByName(): boolean {
    if (!this.#options.placeholders) return false
    this.#pop()
    this.#pop()
    const callee = this.#pop()
    if (callee instanceof Placeholder) return this.#pushNew(new Placeholder(callee.pickleName))
    throw this.#broken('calls by name what is not called so')
  }

  #build(): true {
    const state = this.#pop()
    const target = this.#peek()
    if (target instanceof PickleBuildable) target.build(state)
    else if (target instanceof Map && this.#options.placeholders)
      return true // attributes of a dict of some class
    // The attributes of an OrderedDict: `_metadata` of a state dict (module versions), which nothing here needs.
    else if (
      !(target instanceof Map && state instanceof Map && [...state.keys()].every((key) => key === '_metadata'))
    ) {
      throw this.#broken('gives state to something other than an OrderedDict with _metadata')
    }
    return true
  }

  #persistent(): true {
    const id = this.#pop()
    if (this.#options.persistentLoad === undefined) throw this.#broken('refers to a storage where there can be none')
    return this.#pushNew(this.#options.persistentLoad(id))
  }
}
