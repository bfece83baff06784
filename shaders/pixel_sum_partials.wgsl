// First stage of a sum over all pixels, per channel (the gradient of a bias): the sum of each chunk of pixels.
//   partial[chunk, c] = sum of x over the chunk
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in `partial`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read_write> partial: array<Value>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  var sum = Value();
  for (var pixel = first; pixel < end; pixel += interleave) {
    sum += Value(input[pixel * channels + channel]);
  }
  partial[(params.first_chunk + chunk) * channels + channel] = sum;
}
