// Where the set that comes with the project is.

import { fileURLToPath } from 'node:url'

export const ownGoldens = fileURLToPath(new URL('../../golden', import.meta.url))
