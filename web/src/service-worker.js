// Keeps the page for visits without a network: every built file is fetched at the first visit and answered from the store from
// then on. A new build has another version, and its store replaces the old one.

const storeName = 'siamrpn-__VERSION__'
const shellFiles = __FILES__

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(storeName)
      .then((store) => store.addAll(shellFiles))
      .then(() => self.skipWaiting()),
  )
})

self.addEventListener('activate', (event) => {
  const clean = async () => {
    const names = await caches.keys()
    await Promise.all(
      names.filter((name) => name.startsWith('siamrpn-') && name !== storeName).map((name) => caches.delete(name)),
    )
    await self.clients.claim()
  }
  event.waitUntil(clean())
})

self.addEventListener('fetch', (event) => {
  if (event.request.method !== 'GET' || new URL(event.request.url).origin !== self.location.origin) return
  const answer = async () => (await caches.match(event.request, { ignoreSearch: true })) ?? (await fetch(event.request))
  event.respondWith(answer())
})
