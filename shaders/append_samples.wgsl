// A batch with some of its samples once more behind it.
//   output[s] = input[s] for s < SAMPLES, input[s - SAMPLES + FIRST] behind them
// Samples of `sample` elements each. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements of the output.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  // Elements of the input.
  input_count: u32,
  // From an element behind the batch to the one it repeats.
  back: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = input[select(index, index - params.back, index >= params.input_count)];
}
