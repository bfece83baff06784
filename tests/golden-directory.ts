// Where the tests find the golden data, whatever directory they are started from.

import { fileURLToPath } from 'node:url'

export const goldenDirectory = fileURLToPath(new URL('./golden', import.meta.url))
