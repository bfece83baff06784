// A folder of numbered PNG files. One picture is compressed while the next is tracked.

import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { attempt, pendingFolder } from './atomic.ts'
import { OneBehind } from './one-behind.ts'
import type { RunFacts, Writer } from './writer.ts'

const digits = 6
const ownName = new RegExp(`^\\d{${digits},}\\.png$`)

/** Opens a folder; files are named after the frame's index, `000000.png`. */
export async function openFolderWriter(path: string, _facts: RunFacts): Promise<Writer> {
  const folder = await pendingFolder(path, (name) => ownName.test(name))
  const work = new OneBehind()
  return {
    path,
    pictures: true,
    write: ({ index, picture }) =>
      work.add(async () => {
        if (picture === undefined) return
        const { data, width, height, channels } = picture
        const file = join(folder.temporary, `${String(index).padStart(digits, '0')}.png`)
        const encoded = await sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 6 }).toBuffer()
        await attempt(path, async () => {
          await writeFile(file, encoded)
          const { size } = await stat(file)
          if (size !== encoded.length) throw new Error(`${size} of ${encoded.length} bytes have arrived on the disk`)
        })
      }),
    async finish(_metadata, name) {
      await work.done()
      const target = name?.(path) ?? path
      await folder.commit(name && target)
      return [target]
    },
    async abort() {
      await work.done().catch(() => undefined)
      await folder.discard()
    },
  }
}
