// First stage of batch statistics: mean and sum of squared deviations of each chunk of pixels, in one read of x.
//   s = sum of (x - x0), q = sum of (x - x0)^2, x0 the chunk's first value;  mean = x0 + s / n,  M2 = q - s^2 / n
// The shift by x0 keeps q - s^2 / n from cancelling where the mean is large. partial: [chunks, 2, C]; counts: [chunks].
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
@group(0) @binding(2) var<storage, read_write> counts: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

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
  let shift = Value(input[min(first, params.pixels - 1u) * channels + channel]);
  var sum = Value();
  var squares = Value();
  var n = 0.0;
  for (var pixel = first; pixel < end; pixel += interleave) {
    let x = Value(input[pixel * channels + channel]) - shift;
    sum += x;
    squares = fma(x, x, squares);
    n += 1.0;
  }
  let offset = sum / max(n, 1.0);
  let slot = params.first_chunk + chunk;
  partial[2u * slot * channels + channel] = shift + offset;
  partial[(2u * slot + 1u) * channels + channel] = max(squares - sum * offset, Value());
  if (channel == 0u) {
    counts[slot] = n;
  }
}
