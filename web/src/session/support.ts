// What this browser lacks, as a sentence that says what to do; undefined if nothing is missing.

export async function missingSupport(): Promise<string | undefined> {
  if (!isSecureContext)
    return 'WebGPU works only on pages served over https or from localhost. Open this page that way.'
  if (!navigator.gpu) {
    return (
      'This browser has no WebGPU. It works in Chrome and Edge from 113 on, Safari from 26 on and Firefox from 141 on (Windows). ' +
      'On Linux, start Chrome with the flags --enable-unsafe-webgpu --enable-features=Vulkan.'
    )
  }
  const adapter = await navigator.gpu.requestAdapter().catch(() => null)
  if (!adapter) {
    return (
      'This browser has WebGPU, but offers no adapter: hardware acceleration is off or the driver is blocked. ' +
      'Switch on "Use graphics acceleration" in the settings, or start Chrome with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader.'
    )
  }
  return undefined
}
