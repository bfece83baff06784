// Errors that a person reads: each message is a sentence that says what was found and what to do.

export class PageError extends Error {
  override readonly name: string = 'PageError'
}

/** A file that cannot be opened as a clip. */
export class ClipError extends PageError {
  override readonly name = 'ClipError'
}

/** An annotation file that does not fit. */
export class ImportError extends PageError {
  override readonly name = 'ImportError'
}

/** What to say of any thrown value. */
export function sentenceOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'QuotaExceededError')
    return 'The storage of this browser is full: make room on this device, or remove the data of other sites'
  if (error instanceof RangeError && /alloc/i.test(error.message))
    // as browsers tell it of an array
    return 'The memory of this device is not enough for this file: close other programs, or use a smaller file'
  if (error instanceof Error) return error.message || error.name
  return String(error)
}
