#!/usr/bin/env python3
"""Times steps of the search's supernet in eager PyTorch, as scripts/bench-search compares them with this project's: a
forward and a backward pass in float32 on random images, clipping, and the updates of the weights, of alpha and of beta.
The network is the one that search/testdata/supernet.py holds the Go code to. Prints one line:

  step MEDIAN SECONDS min SECONDS first SECONDS peak BYTES weights N loaded BYTES

peak is the largest resident set of the process, loaded what it was once PyTorch was imported and had computed one
convolution.
"""
import argparse
import pathlib
import resource
import sys
import time

import torch

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "search" / "testdata"))
from supernet import Space, Supernet  # noqa: E402


def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in dict(layers=12, blocks=5, filters=8, levels=4, classes=19, batch=2, crop=65, threads=1, steps=5).items():
        a.add_argument(f"--{name}", type=int, default=default)
    a.add_argument("--share", action="store_true", help="compute what depends on state 1 alone once a node, not once a transition")
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    space = Space(a.layers, a.blocks, a.filters, a.levels, a.classes)

    torch.nn.functional.conv2d(torch.randn(1, 8, 9, 9), torch.randn(8, 8, 3, 3))
    loaded = resident()
    p = {}
    for name, shape in space.shapes().items():
        bound = torch.tensor(shape[1:]).prod().float().rsqrt().item() if len(shape) > 1 else 0.0
        p[name] = torch.empty(shape).uniform_(-bound, bound).requires_grad_()
    weights = list(p.values())
    p["alpha"] = (1e-3 * torch.randn(len(space.edges()), 8)).requires_grad_()
    p["beta"] = (1e-3 * torch.randn(space.layers, space.levels, 3) * space.live_moves()).requires_grad_()
    relaxation = [p["alpha"], p["beta"]]
    net = Supernet(space, p, share=a.share, moments={})

    # The quickest form of the optimisers that this PyTorch has on a CPU.
    def optimiser(make, *args, **kw):
        for form in ({"fused": True}, {"foreach": True}, {}):
            try:
                return make(*args, **kw, **form)
            except (TypeError, RuntimeError):
                pass
        raise RuntimeError(f"{make} cannot be made")

    sgd = optimiser(torch.optim.SGD, weights, 0.025, momentum=0.9, weight_decay=3e-4)
    adam = optimiser(torch.optim.Adam, relaxation, 0.003, weight_decay=1e-3)
    image = torch.randn(a.batch, 3, a.crop, a.crop)
    labels = torch.randint(0, a.classes, (a.batch, a.crop, a.crop))

    times = []
    for _ in range(a.steps + 1):
        began = time.perf_counter()
        sgd.zero_grad(set_to_none=True)
        adam.zero_grad(set_to_none=True)
        loss, _ = net.loss(image, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 5)
        sgd.step()
        adam.step()
        times.append(time.perf_counter() - began)
    first, times = times[0], sorted(times[1:])
    print(f"step {times[len(times) // 2]:.4f} min {times[0]:.4f} first {first:.4f} peak {resident()} "
          f"weights {sum(w.numel() for w in weights)} loaded {loaded}")


if __name__ == "__main__":
    main()
