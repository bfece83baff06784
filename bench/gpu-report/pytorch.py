"""The same convolutions and the same search branch in PyTorch, in float32. Reads a request from standard input, a JSON object:
layers, the nodes of the network (src/nn/counting-layers.ts), batch sizes, seconds. Answers with a JSON object per line as soon
as each is known, so that whoever ends it keeps what there is. Exit code 3: PyTorch is not installed."""

import json
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(3)

request = json.load(sys.stdin)
end = time.monotonic() + request["seconds"]
if torch.cuda.is_available():
    device = torch.device("cuda")
elif getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
    device = torch.device("mps")
else:
    device = torch.device("cpu")
torch.backends.cudnn.benchmark = True
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


def tell(**answer):
    print(json.dumps(answer), flush=True)


def left():
    return end - time.monotonic()


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def milliseconds(work, seconds):
    """Median time of the work; short work is repeated until that takes 30 ms."""

    def sample(repeats):
        wait()
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        wait()
        return 1000 * (time.perf_counter() - start) / repeats

    first = sample(1)
    once = sample(1) if first < 1000 * seconds else first
    repeats = max(1, min(1024, int(30 / max(once, 1e-3))))
    stop = time.monotonic() + seconds
    samples = [once] if repeats == 1 else []
    while not samples or (time.monotonic() < stop and len(samples) < 30):
        samples.append(sample(repeats))
    return sorted(samples)[len(samples) // 2]


def noise(*shape):
    return torch.rand(*shape, device=device) - 0.5


def conv_arguments(spec):
    return {"stride": spec["stride"], "padding": spec["padding"], "dilation": spec["dilation"], "groups": spec.get("groups", 1)}


def time_layers(layers, seconds):
    stop = time.monotonic() + seconds
    for index, layer in enumerate(layers):
        if time.monotonic() > stop:
            return
        spec = layer["spec"]
        x = noise(1, spec["inChannels"], layer["inSize"], layer["inSize"])
        groups = spec.get("groups", 1)
        w = noise(spec["outChannels"], spec["inChannels"] // groups, spec["kernel"], spec["kernel"])
        arguments = conv_arguments(spec)
        with torch.no_grad():
            ms = milliseconds(lambda: F.conv2d(x, w, **arguments), (stop - time.monotonic()) / (len(layers) - index) / 2)
        tell(kind="layer", name=layer["name"], ms=ms)


def make_weights(nodes):
    weights = {}
    for node in nodes:
        if node["op"] == "conv":
            spec = node["spec"]
            channels = spec["outChannels"]
            fan = spec["inChannels"] // spec.get("groups", 1) * spec["kernel"] ** 2
            shape = (channels, spec["inChannels"] // spec.get("groups", 1), spec["kernel"], spec["kernel"])
            own = {"weight": noise(*shape) * (3.4 / fan**0.5)}
            if spec["bias"]:
                own["bias"] = noise(channels)
            if spec.get("norm"):
                own["scale"] = torch.ones(channels, device=device)
                own["shift"] = torch.zeros(channels, device=device)
            weights[node["output"]] = own
    return weights


def run(nodes, weights, inputs, training):
    """All nodes in turn, as MMTracking writes them: convolution, batch norm, sum, activation. Maps live as long as they are read."""
    last = {name: index for index, node in enumerate(nodes) for name in reads(node)}
    maps = dict(inputs)
    for index, node in enumerate(nodes):
        maps[node["output"]] = compute(node, maps, weights, training)
        for name in reads(node):
            if last[name] == index:
                maps.pop(name, None)
    return [value for name, value in maps.items() if name not in inputs]


def reads(node):
    names = node.get("inputs", [node.get("input")]) + [node.get("residual"), node.get("kernel") if node["op"] == "correlation" else None]
    return [name for name in names if isinstance(name, str)]


def compute(node, maps, weights, training):
    op = node["op"]
    if op == "conv":
        spec = node["spec"]
        own = weights[node["output"]]
        y = F.conv2d(maps[node["input"]], own["weight"], own.get("bias"), **conv_arguments(spec))
        if "scale" in own:
            zeros, ones = torch.zeros_like(own["shift"]), torch.ones_like(own["scale"])
            y = F.batch_norm(y, zeros, ones, own["scale"], own["shift"], training=training, eps=spec["eps"])
        if node.get("residual"):
            y = y + maps[node["residual"]]
        return {"none": lambda v: v, "relu": F.relu, "relu6": F.relu6}[node["activation"]](y)
    if op == "maxPool":
        return F.max_pool2d(maps[node["input"]], node["kernel"], node["stride"], node["padding"])
    if op == "resize":
        return F.interpolate(maps[node["input"]], size=node["outSize"], mode="bilinear", align_corners=True)
    if op == "centerCrop":
        first = (node["inSize"] - node["outSize"]) // 2
        return maps[node["input"]][:, :, first : first + node["outSize"], first : first + node["outSize"]]
    if op == "correlation":
        x, kernel = maps[node["input"]], maps[node["kernel"]]
        batch, channels = kernel.shape[:2]
        y = F.conv2d(x.reshape(1, batch * channels, *x.shape[2:]), kernel.reshape(batch * channels, 1, *kernel.shape[2:]), groups=batch * channels)
        return y.reshape(batch, channels, *y.shape[2:])
    if op == "weightedSum":
        return sum(maps[name] for name in node["inputs"]) / len(node["inputs"])
    raise ValueError(f"node of unknown kind: {op}")


def inputs_of(network, batch):
    image = network["image"]
    maps = {image["name"]: noise(batch, image["channels"], image["size"], image["size"])}
    for kernel in network["kernels"]:
        maps[kernel["name"]] = noise(batch, kernel["channels"], kernel["size"], kernel["size"])
    return maps


def peak_bytes():
    return torch.cuda.max_memory_allocated() if device.type == "cuda" else None


def main():
    network = request["network"]
    name = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    tell(kind="about", torch=torch.__version__, device=name, threads=torch.get_num_threads(), tf32=False)
    time_layers(request["layers"], left() / 3)
    nodes, weights = network["nodes"], make_weights(network["nodes"])
    for index, batch in enumerate(request["targets"]):
        share = left() / (len(request["targets"]) - index + 2)
        if left() <= 0 or share < request["frameSeconds"] * batch:
            tell(kind="skipped", what=f"search branch, batch {batch}")
            continue
        inputs = inputs_of(network, batch)
        with torch.no_grad():
            ms = milliseconds(lambda: run(nodes, weights, inputs, False), share / 3)
        tell(kind="search", batch=batch, ms=ms, peakBytes=peak_bytes())
    parameters = [value.requires_grad_() for own in weights.values() for value in own.values()]
    for batch in request["training"]:
        if left() < 9 * request["frameSeconds"] * batch:
            continue
        inputs = inputs_of(network, batch)

        def step():
            for parameter in parameters:
                parameter.grad = None
            sum(value.mean() for value in run(nodes, weights, inputs, True)).backward()

        try:
            ms = milliseconds(step, left() / 3)
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            continue
        tell(kind="gradients", batch=batch, ms=ms, peakBytes=peak_bytes())
        return
    tell(kind="skipped", what="search branch with gradients")


main()
