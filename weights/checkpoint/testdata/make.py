"""Writes the fixtures of this folder: the same small tensors in every format, written by the programs that own them.

    python3 make.py tensorflow     needs tensorflow-cpu (2.21 wrote these), numpy, safetensors
    python3 make.py torch          needs torch, numpy

expected.json says what is in each file: name, type, shape and values. The TensorFlow checkpoint has two shards (saved
apart and merged) and a partitioned variable; the PyTorch ones nested dictionaries, views and a tensor of integers.
"""

import json
import sys

import numpy as np

rng = np.random.default_rng(7)
KERNEL = rng.standard_normal((3, 3, 2, 4)).astype(np.float32)
WIDE = rng.standard_normal((5, 30)).astype(np.float64)
HALF = np.array([0.5, -1.25, 65504, 6e-8, 0], np.float16)
# What bfloat16 can hold, as float32.
BRAIN = np.array([1.0, -2.5, 3.0e38, 1e-3], np.float32).view(np.uint32) & 0xFFFF0000
BRAIN = BRAIN.view(np.float32)
PARTED = rng.standard_normal((7, 3)).astype(np.float32)
STEP = np.array(90000, np.int64)


def expected(path, rows):
    try:
        with open("expected.json") as f:
            all_files = json.load(f)
    except FileNotFoundError:
        all_files = {}
    all_files[path] = [{"name": n, "type": t, "shape": list(np.shape(v)),
                        "values": np.asarray(v, np.float64).ravel().tolist()} for n, t, v in rows]
    with open("expected.json", "w") as f:
        json.dump(dict(sorted(all_files.items())), f)
        f.write("\n")


def tensorflow():
    import os
    import tensorflow as tf
    from safetensors.numpy import save_file

    # Two shards, as tf.train.Saver(sharded=True) makes them, with a variable in three parts: the last across both.
    one, two = "part_00000-of-00002", "part_00001-of-00002"
    tf.raw_ops.SaveV2(prefix=one, tensor_names=["conv/weights", "half", "parted", "parted"],
                      shape_and_slices=["", "", "7 3 0,3:-", "7 3 3,2:-"],
                      tensors=[tf.constant(KERNEL), tf.constant(HALF), tf.constant(PARTED[:3]), tf.constant(PARTED[3:5])])
    tf.raw_ops.SaveV2(prefix=two, tensor_names=["brain", "global_step", "names", "parted", "wide"],
                      shape_and_slices=["", "", "", "7 3 5,2:-", ""],
                      tensors=[tf.cast(tf.constant(BRAIN), tf.bfloat16), tf.constant(STEP), tf.constant([b"a", b"b"]),
                               tf.constant(PARTED[5:]), tf.constant(WIDE)])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=[one, two], destination_prefix="model.ckpt-90000")
    expected("model.ckpt-90000.index", [
        ("brain", "DT_BFLOAT16", BRAIN), ("conv/weights", "DT_FLOAT", KERNEL), ("global_step", "DT_INT64", STEP),
        ("half", "DT_HALF", HALF), ("parted", "DT_FLOAT", PARTED), ("wide", "DT_DOUBLE", WIDE)])

    save_file({"conv/weights": KERNEL, "half": HALF, "step": STEP, "wide": WIDE}, "small.safetensors", {"format": "pt"})
    expected("small.safetensors", [("conv/weights", "F32", KERNEL), ("half", "F16", HALF), ("step", "I64", STEP), ("wide", "F64", WIDE)])
    np.savez_compressed("small.npz", **{"conv/weights": KERNEL, "half": HALF, "step": STEP, "wide": np.asfortranarray(WIDE),
                                        "big": WIDE[:, :2].astype(">f4")})
    expected("small.npz", [("big", ">f4", WIDE[:, :2].astype(np.float32)), ("conv/weights", "<f4", KERNEL), ("half", "<f2", HALF),
                           ("step", "<i8", STEP), ("wide", "<f8", WIDE)])


def torch_files():
    import torch

    wide = torch.from_numpy(WIDE)
    state = {"epoch": 3, "state_dict": {
        "brain": torch.from_numpy(BRAIN).to(torch.bfloat16), "conv.weight": torch.from_numpy(KERNEL), "half": torch.from_numpy(HALF),
        "step": torch.tensor(90000), "transposed": wide.t(), "column": wide[:, 7], "param": torch.nn.Parameter(torch.from_numpy(PARTED)),
    }}
    rows = [("state_dict.brain", "BFloat16", BRAIN), ("state_dict.column", "Double", WIDE[:, 7]), ("state_dict.conv.weight", "Float", KERNEL),
            ("state_dict.half", "Half", HALF), ("state_dict.param", "Float", PARTED), ("state_dict.step", "Long", STEP),
            ("state_dict.transposed", "Double", WIDE.T)]
    for path, form in (("small.pth", True), ("small_legacy.pth", False)):
        torch.save(state, path, _use_new_zipfile_serialization=form)
        expected(path, rows)


{"tensorflow": tensorflow, "torch": torch_files}[sys.argv[1]]()
