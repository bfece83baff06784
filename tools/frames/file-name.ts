// Names out of files (of sequences, of tracks) that become names of files: none may lead anywhere but into its folder.

import { show } from 'siamrpn/gpu'
import { OutputError } from './errors.ts'

const longest = 200

/** @throws OutputError for a name that is a path, empty, very long, or holds control characters */
export function checkFileName(name: string): void {
  const isPath = /[\\/]/.test(name) || name === '.' || name === '..' || name === ''
  if (!isPath && name.length <= longest && !/\p{Cc}/u.test(name)) return
  throw new OutputError(
    `cannot write a file named ${show(name)}: expected a plain name of at most ${longest} characters, without slashes`,
  )
}
