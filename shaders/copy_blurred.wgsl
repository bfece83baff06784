// Copies the images that have been blurred:
//   output = input, where the record's blur size is above 1 and the image is not idle
// Image record: 24 words, of which word 2 is the mode (0: idle), 3 the size.
// Dispatch: ceil(params.pixels / WORKGROUP) by 1 by N workgroups, with pixels per image.

const WORKGROUP: u32 = 64u;

const IMAGE_WORDS: u32 = 24u;
const MODE: u32 = 2u;
const SIZE: u32 = 3u;
const IDLE: u32 = 0u;

struct Params {
  pixels: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> images: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let record = group.z * IMAGE_WORDS;
  if (id.x >= params.pixels || images[record + MODE] == IDLE || images[record + SIZE] <= 1u) {
    return;
  }
  let index = group.z * params.pixels + id.x;
  output[index] = input[index];
}
