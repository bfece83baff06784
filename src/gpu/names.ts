// The nearest known name to a mistyped one, by edit distance: every "unknown name" error suggests it.

/** The entry of `known` closest to `name` (Levenshtein distance), or undefined if nothing is reasonably close. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.ceil(name.length / 2)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** The end of an error message about an unknown name: the nearest known one, else all of them. */
export function suggestion(name: string, known: Iterable<string>): string {
  const names = [...known]
  const close = nearest(name, names)
  if (close !== undefined) return `; did you mean \`${close}\`?`
  return names.length > 0 ? `; known: ${names.join(', ')}` : '; none is known'
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
