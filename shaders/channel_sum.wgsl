// Exact sums of the three channels of a packed frame: integers, so that the order of additions does not matter.
//   sums[g, c] = sum of byte c over the pixels that workgroup g visits (every grid-th run of WORKGROUP pixels)
// The host adds the partial sums in float64. A workgroup may visit up to 2^32 / 255 pixels before a sum overflows.
// Frame: rows of RGB or RGBA bytes, row_stride bytes apart. Output: [workgroups, 4] u32, the fourth zero.
// Dispatch: any number of workgroups over x.

const WORKGROUP: u32 = 64u;

const WORD_BYTES: u32 = 4u;
const BYTE_BITS: u32 = 8u;
const BYTE_MASK: u32 = 255u;

struct Params {
  frame_width: u32,
  frame_height: u32,
  row_stride: u32,
  pixel_bytes: u32,
}

@group(0) @binding(0) var<storage, read> frame: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> red: atomic<u32>;
var<workgroup> green: atomic<u32>;
var<workgroup> blue: atomic<u32>;

fn byte_at(offset: u32) -> u32 {
  return (frame[offset / WORD_BYTES] >> ((offset % WORD_BYTES) * BYTE_BITS)) & BYTE_MASK;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  var sum = vec3u();
  let pixels = params.frame_width * params.frame_height;
  for (var p = group.x * WORKGROUP + local; p < pixels; p += grid.x * WORKGROUP) {
    let offset = p / params.frame_width * params.row_stride + p % params.frame_width * params.pixel_bytes;
    sum += vec3u(byte_at(offset), byte_at(offset + 1u), byte_at(offset + 2u));
  }
  atomicAdd(&red, sum.x);
  atomicAdd(&green, sum.y);
  atomicAdd(&blue, sum.z);
  workgroupBarrier();
  if (local == 0u) {
    sums[group.x] = vec4u(atomicLoad(&red), atomicLoad(&green), atomicLoad(&blue), 0u);
  }
}
