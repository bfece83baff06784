// Hands a file to the browser as a download.

/** Time that a browser has to begin a download before its address is taken back, in milliseconds. */
const downloadTime = 60_000

export function download(name: string, blob: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), downloadTime)
}
