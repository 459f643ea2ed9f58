"""Writes the fixtures of this folder: α and β as other programs store them.

Needs NumPy and PyTorch. Every file holds the same two random arrays: those of a search with 5 blocks, 12 layers and 4
levels, in the layout of the program that the file stands for. expected.json holds what decoding them gives, worked out
here in Python by enumerating all paths, with the rules of the paper (section 4.3). Run twice, it writes the same bytes,
but for checkpoint_legacy.pth, in which PyTorch names storages by their addresses.

    python3 make.py
"""

import collections
import itertools
import json
import math
import zipfile

import numpy as np
import torch

B, L, LEVELS = 5, 12, 4
OPS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect",
       "sep_conv_3x3", "sep_conv_5x5", "atr_conv_3x3", "atr_conv_5x5"]
rng = np.random.default_rng(3)
torch.manual_seed(3)
EDGES = sum(2 + i for i in range(B))

# As NoamRosenberg/autodeeplab has them: rows H[l-2], H[l-1], blocks; beta[l, k, m] leaves level k of layer l-1.
alphas = rng.standard_normal((EDGES, len(OPS))).astype(np.float32)
betas = rng.standard_normal((L, LEVELS, 3)).astype(np.float32)


def moves(l, k):
    """The moves that leave level k of layer l-1: (index, level of arrival)."""
    if k > l:  # layer -1 has level 0 alone, layer 0 levels 0 and 1, and so on
        return []
    return [(m, k + m - 1) for m in range(3) if 0 <= k + m - 1 < LEVELS]


def softmax(x):
    e = [math.exp(v - max(x)) for v in x]
    return [v / sum(e) for v in e]


def best_path():
    best, best_score = None, -1.0
    for steps in itertools.product(range(3), repeat=L):
        k, score, path = 0, 1.0, []
        for l, m in enumerate(steps):
            to = dict(moves(l, k)).get(m)
            if to is None:
                break
            at = [i for i, _ in moves(l, k)]
            score *= softmax([float(betas[l, k, i]) for i in at])[at.index(m)]
            if score <= best_score:
                break
            path.append(to)
            k = to
        else:
            best, best_score = path, score
    return best, best_score


def cell():
    blocks, start = [], 0
    for i in range(B):
        strength = []
        for j in range(2 + i):
            w = softmax([float(v) for v in alphas[start + j]])
            op = max(range(1, 8), key=lambda o: w[o])
            strength.append((w[op], j, op))
        strength.sort(key=lambda s: -s[0])
        # Their states 0 and 1 are ours 1 and 0.
        blocks.append([{"input": {0: 1, 1: 0}.get(j, j), "op": OPS[op]} for _, j, op in strength[:2]])
        start += 2 + i
    return blocks


path, score = best_path()
with open("expected.json", "w") as f:
    json.dump({"cell": cell(), "path": path, "score": score}, f, indent=1)
    f.write("\n")

# NumPy.
np.savez("noam.npz", alphas=alphas, betas=betas)
np.savez_compressed("noam_compressed.npz", alphas=alphas.astype(np.float64), betas=betas, epoch=np.int64(40),
                    genotype=np.zeros((10, 2), np.int64))
np.save("alphas.npy", np.asfortranarray(alphas))
np.save("betas.npy", betas.astype(">f8"))

# MenghaoGuo/AutoDeeplab's names and indices: of its decoder, and of its forward pass.
packed = betas.copy()
packed[:, 0, :2], packed[:, 0, 2] = betas[:, 0, 1:], 99
incoming = np.full_like(betas, 99)
incoming_packed = np.full_like(betas, 99)
for l in range(L):
    for k in range(LEVELS):
        for m, j in moves(l, k):
            incoming[l, j, 2 - m] = betas[l, k, m]
            if j == l + 1:
                incoming_packed[l, k, 1 if k == 0 else 2] = betas[l, k, m]
            else:
                incoming_packed[l, j, 2 - m - (j == 0)] = betas[l, k, m]
np.savez("menghao_decoder.npz", alphas_cell=alphas, alphas_network=packed)
np.savez("menghao_forward.npz", alphas_cell=alphas, alphas_network=incoming_packed)
np.savez("incoming.npz", a=alphas, b=incoming)

# A program with our own order, other columns and probabilities.
order = [3, 0, 1, 2, 7, 6, 5, 4]
newest = alphas.copy()
start = 0
for i in range(B):
    newest[[start, start + 1]] = alphas[[start + 1, start]]
    start += 2 + i
probabilities = np.stack([softmax([float(v) for v in row]) for row in newest])[:, order]
beta_probabilities = np.zeros((L, LEVELS, 3))
for l in range(L):
    for k in range(LEVELS):
        at = [m for m, _ in moves(l, k)]
        if at:
            beta_probabilities[l, k, at] = softmax([float(betas[l, k, m]) for m in at])
np.savez("probabilities.npz", ours=probabilities, moves=beta_probabilities)


# PyTorch: a checkpoint as that program's training loop saves it, in both of torch.save's forms.
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3)
        self.bn = torch.nn.BatchNorm2d(4)
        self.register_parameter("alphas", torch.nn.Parameter(torch.from_numpy(alphas)))
        self.register_parameter("betas", torch.nn.Parameter(torch.from_numpy(betas)))


model = Model()
optimizer = torch.optim.SGD([model.stem.weight], 0.025, momentum=0.9)
model.stem(torch.ones(1, 3, 5, 5)).sum().backward()
optimizer.step()
checkpoint = {"epoch": 40, "state_dict": model.state_dict(), "optimizer": optimizer.state_dict(),
              "best_pred": np.float64(0.5)}
torch.save(checkpoint, "checkpoint.pth")
torch.save(checkpoint, "checkpoint_legacy.pth", _use_new_zipfile_serialization=False)

# The same under DataParallel, with parameters that are views of a larger storage, and in float64.
flat = torch.zeros(1000, dtype=torch.float64)
flat[7:7 + alphas.size] = torch.from_numpy(alphas.T.copy()).flatten()
a = flat[7:7 + alphas.size].view(len(OPS), EDGES).t()
torch.save({"state_dict": collections.OrderedDict([("module.alphas", a), ("module.betas", torch.from_numpy(betas))])},
           "parallel.pth")
torch.save([torch.nn.Parameter(torch.from_numpy(alphas)), torch.nn.Parameter(torch.from_numpy(betas))], "list.pth")
# Before September 2019 there were four tensors.
torch.save({"state_dict": {"alphas": torch.from_numpy(alphas), "bottom_betas": torch.zeros(11, 2),
                           "betas8": torch.zeros(10, 3), "betas16": torch.zeros(9, 3),
                           "top_betas": torch.zeros(11, 2)}}, "four_tensors.pth")
# The whole model, whose class is not here.
torch.save(model, "whole_model.pth")

# NumPy and PyTorch keep the time in their archives; the same bytes are wanted every time.
for name in ["noam.npz", "noam_compressed.npz", "menghao_decoder.npz", "menghao_forward.npz", "incoming.npz",
             "probabilities.npz"]:
    with zipfile.ZipFile(name) as z:
        entries = [(i.filename, i.compress_type, z.read(i)) for i in z.infolist()]
    with zipfile.ZipFile(name, "w") as z:
        for filename, compression, data in entries:
            info = zipfile.ZipInfo(filename, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            z.writestr(info, data)
