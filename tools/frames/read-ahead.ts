// Keeps a few values of an async iterator under way while the consumer works on the current one, so that decoding
// overlaps with tracking and memory stays bounded. An iterator that allows concurrent `next()` calls decodes in parallel.

/** How many frames are decoded before they are asked for. */
export const framesAhead = 2

/**
 * Wraps `source` so that up to `depth` further values are requested before they are asked for.
 *
 * @param stop called once when the consumer ends, breaks or throws, before the source's own `return()`.
 */
export async function* readAhead<T>(source: AsyncIterator<T>, depth: number, stop?: () => void): AsyncGenerator<T> {
  const pending: Promise<IteratorResult<T>>[] = []
  const request = () => {
    const next = source.next()
    next.catch(() => undefined) // A value that nobody waits for any more must not become an unhandled rejection.
    pending.push(next)
  }
  try {
    while (true) {
      while (pending.length <= depth) request()
      const result = await pending.shift()
      if (result === undefined || result.done === true) return
      yield result.value
    }
  } finally {
    stop?.()
    await source.return?.()
  }
}
