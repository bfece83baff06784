// Waits for what cannot come, and closes a pool of threads that nobody waits for. See guard.test.ts.

import { settled, Underway } from '../../../tools/cli/guard.ts'
import { DecodePool } from '../../../tools/datasets/decode-pool.ts'

const pool = new DecodePool(1)
await pool.close()
process.stdout.write('closed\n')
const underway = new Underway()
underway.begin('siamrpn train')
const loading = underway.begin('loading')
underway.begin('epoch 3')
loading()
await settled(new Promise(() => undefined), underway).catch((error) => process.stdout.write(`${error.message}\n`))
