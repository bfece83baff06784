// The other side of child.test.ts.
import { childRequest, tell } from '../../bench/child.ts'

const { answer = [], fail, hang } = childRequest<{ answer?: unknown[]; fail?: string; hang?: boolean }>()
if (fail) throw new Error(fail)
for (const message of answer) await tell(message)
if (hang) setInterval(() => {}, 1000)
else process.disconnect?.()
