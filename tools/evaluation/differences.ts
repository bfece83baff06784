// Lists where two JSON values differ, as lines that a person can read.

import { isRecord } from '../is-record.ts'

/** One line per entry: `key.path: before -> after`. Empty where they are alike. */
export function differences(before: unknown, after: unknown, path = ''): string[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((key) => differences(before[key], after[key], path === '' ? key : `${path}.${key}`))
  }
  const [a, b] = [JSON.stringify(before), JSON.stringify(after)]
  return a === b ? [] : [`${path}: ${a ?? 'absent'} -> ${b ?? 'absent'}`]
}
