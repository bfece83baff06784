// Starts the page: the session, the model in its worker, the service worker that keeps the page for visits without a network.

import { render } from 'preact'
import { Session } from './session/session.ts'
import { missingSupport } from './session/support.ts'
import { App } from './ui/app.tsx'
import './style.css'

const session = new Session()
window.siamrpnSession = session
const root = document.querySelector('#app')
if (root) render(<App session={session} />, root)

addEventListener('dragover', (event) => event.preventDefault())
addEventListener('drop', (event) => {
  event.preventDefault()
  void session.clips.open([...(event.dataTransfer?.files ?? [])])
})

session.missing.value = await missingSupport()
if (!session.missing.value) await session.model.load(undefined)

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  await navigator.serviceWorker.register('./service-worker.js').catch(() => undefined) // file:// and private windows have none
}

declare global {
  interface Window {
    /** For tests in a browser and for the console. */
    siamrpnSession: Session
  }
}
