#!/usr/bin/env python3
"""Times training steps of an ONNX model in eager PyTorch: forward and backward pass, as train/testdata/step.py has them.

  bench_train_pytorch.py NET.onnx --threads N --steps N   prints `step SECONDS peak BYTES loaded BYTES`: the median step
after one that is not counted, the peak of resident memory, and what of it was there before the first step.
"""
import argparse
import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "train" / "testdata"))
import onnx
import step
import torch
import torch.nn.functional as F


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    p = argparse.ArgumentParser()
    p.add_argument("net")
    p.add_argument("--threads", type=int, required=True)
    p.add_argument("--steps", type=int, required=True)
    p.add_argument("--channels-last", action="store_true", help="images and kernels in PyTorch's other memory format")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    model = onnx.load(a.net)
    size = lambda v: [d.dim_value for d in v.type.tensor_type.shape.dim]
    n, _, h, w = size(model.graph.input[0])
    classes = size(model.graph.output[0])[1]
    case = {"freeze_bn": False, "bn_decay": 0.9997, "drop_path": 1, "dropout": 0}
    net = step.Graph(model, case, torch.float32)
    del model
    image, labels = 255 * torch.rand(n, 3, h, w), torch.randint(classes, (n, h, w))
    if a.channels_last:
        image = image.contiguous(memory_format=torch.channels_last)
        for q in net.params.values():
            if q.dim() == 4:
                q.data = q.data.contiguous(memory_format=torch.channels_last)
    loaded = peak()
    times = []
    for _ in range(a.steps + 1):
        began = time.perf_counter()
        loss = F.cross_entropy(net.forward(image, 0), labels, ignore_index=255)
        loss.backward()
        times.append(time.perf_counter() - began)
        for q in net.params.values():
            q.grad.zero_()
    print("step", statistics.median(times[1:]), "peak", peak(), "loaded", loaded)


main()
