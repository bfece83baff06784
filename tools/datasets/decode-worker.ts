// The thread that DecodePool starts: decodes what it is asked for and hands the pixels over without a copy. As the one entry
// file of this floor it acts when it is loaded; nothing imports it.

import { parentPort, workerData } from 'node:worker_threads'
import sharp from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { type OddImage, OddImages } from '../frames/odd-images.ts'
import { Decoder } from './decode.ts'
import type { DecodeAnswer, Decoded, DecodeOrder, WindowOptions } from './decode-messages.ts'
import { packError } from './decode-messages.ts'

// Pictures decode side by side, so one thread for each is best, and none comes twice.
sharp.concurrency(1)
sharp.cache(false)

/** Not told yet. */
const odd: OddImage[] = []
const { windows } = workerData as { readonly windows: WindowOptions | undefined }
const decoder = new Decoder(windows, new OddImages((image) => void odd.push(image)))

parentPort?.on('message', (order: DecodeOrder) => {
  answer(order).catch((error: unknown) => {
    queueMicrotask(() => {
      throw error
    })
  })
})

async function answer({ id, task }: DecodeOrder): Promise<void> {
  let message: DecodeAnswer
  try {
    const decoded = inOwnMemory(await decoder.run(task))
    message = { id, odd: odd.splice(0), decoded }
  } catch (error) {
    message = { id, odd: odd.splice(0), error: packError(error) }
  }
  const transfer = 'decoded' in message ? message.decoded.images.map(({ data }) => data.buffer as ArrayBuffer) : []
  parentPort?.postMessage(message, transfer)
}

/** The images in memory that V8 has allocated: a library's own (sharp's) cannot change threads. */
function inOwnMemory(decoded: Decoded): Decoded {
  return { ...decoded, images: decoded.images.map(ownCopy) }
}

function ownCopy(frame: RgbFrame): RgbFrame {
  return { ...frame, data: new Uint8Array(frame.data) }
}
