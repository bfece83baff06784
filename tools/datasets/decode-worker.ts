// The thread that DecodePool starts: decodes what it is asked for and hands the pixels over without a copy. As the one entry
// file of this floor it acts when it is loaded; nothing imports it.

import { parentPort } from 'node:worker_threads'
import sharp from 'sharp'
import type { RgbFrame } from '../../src/siamrpn/frame.ts'
import { decodeSource } from './decode.ts'
import type { DecodeAnswer, DecodeOrder } from './decode-messages.ts'
import { packError } from './decode-messages.ts'

// Pictures decode side by side, so one thread for each is best, and none comes twice.
sharp.concurrency(1)
sharp.cache(false)

parentPort?.on('message', (order: DecodeOrder) => {
  answer(order).catch((error: unknown) => {
    queueMicrotask(() => {
      throw error
    })
  })
})

async function answer({ id, source }: DecodeOrder): Promise<void> {
  let message: DecodeAnswer
  try {
    message = { id, frame: ownMemory(await decodeSource(source)) }
  } catch (error) {
    message = { id, error: packError(error) }
  }
  const transfer = 'frame' in message ? [message.frame.data.buffer as ArrayBuffer] : []
  parentPort?.postMessage(message, transfer)
}

/** The frame in memory that V8 has allocated: a library's own (sharp's) cannot change threads. */
function ownMemory(frame: RgbFrame): RgbFrame {
  return { ...frame, data: new Uint8Array(frame.data) }
}
