#!/usr/bin/env python3
"""Writes products.json of this folder: what ONNX Runtime makes of a few convolutions, transposed and integer ones, and
NumPy of a matrix product, for the reference kernels (suffix Ref) that are the oracles of the fast ones.

    pip install onnx==1.23.2 onnxruntime==1.30.0 numpy; python3 products.py

Element i of every operand is ((i*37 + 11*seed) mod 64)/8 - 4, or without the division and the shift for integers; seeds
are 1 (source), 2 (weights), 3 (bias). Sums are exact in float32.
"""
import json, os
import numpy as np
from onnx import helper
import onnxruntime as ort

HERE = os.path.dirname(os.path.abspath(__file__))


def ramp(shape, seed, dtype=np.float32):
    n = (np.arange(int(np.prod(shape)), dtype=np.int64) * 37 + 11 * seed) % 64
    return (n / 8 - 4 if dtype == np.float32 else n).astype(dtype).reshape(shape)


def run(op, x, w, extra, **attrs):
    inputs = [x, w] + extra
    infos = [helper.make_tensor_value_info(f"i{k}", helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in enumerate(inputs)]
    out = helper.make_tensor_value_info("o", 6 if op == "ConvInteger" else 1, None)
    node = helper.make_node(op, [i.name for i in infos], ["o"], **attrs)
    m = helper.make_model(helper.make_graph([node], "g", infos, [out]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    s = ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
    return s.run(None, {f"i{k}": v for k, v in enumerate(inputs)})[0]


cases = []


def case(op, batch, cin, cout, groups, kernel, strides, dilations, size, pad, after, zeros=None):
    dtype = np.uint8 if op == "ConvInteger" else np.float32
    x = ramp([batch, cin] + size, 1, dtype)
    shape = [cin, cout // groups] if op == "ConvTranspose" else [cout, cin // groups]
    w = ramp(shape + kernel, 2, dtype)
    extra = [np.array(z, dtype) for z in zeros] if zeros else [ramp([cout], 3)]
    y = run(op, x, w, extra, group=groups, strides=strides, dilations=dilations, pads=pad + after)
    cases.append({"op": op, "batch": batch, "in": cin, "out": cout, "groups": groups, "kernel": kernel, "strides": strides,
                  "dilations": dilations, "size": size, "pad": pad, "outSize": list(y.shape[2:]), "zeros": zeros or [],
                  "want": [float(v) for v in y.ravel()]})


case("Conv", 2, 3, 4, 1, [3, 2], [1, 2], [2, 1], [7, 6], [1, 0], [2, 1])
case("Conv", 1, 4, 6, 2, [3], [2], [1], [9], [2], [1])
case("Conv", 1, 3, 3, 3, [2, 2, 3], [1, 2, 1], [1, 1, 2], [3, 4, 6], [0, 1, 2], [1, 0, 1])
case("ConvTranspose", 2, 3, 4, 1, [3, 2], [2, 3], [1, 2], [3, 4], [1, 0], [0, 1])
case("ConvTranspose", 1, 4, 6, 2, [4], [3], [2], [4], [1], [2])
case("ConvTranspose", 1, 2, 2, 1, [2, 2, 3], [1, 2, 2], [1, 1, 1], [2, 3, 2], [0, 1, 0], [1, 0, 1])
case("ConvInteger", 1, 3, 4, 1, [3, 2], [1, 2], [2, 1], [7, 6], [1, 0], [2, 1], [13, 40])
case("ConvInteger", 1, 4, 4, 2, [3], [2], [1], [9], [2], [1], [13, 77])

a, b = ramp([2, 4, 7], 1), ramp([2, 7, 5], 2)
cases.append({"op": "Gemm", "want": [float(v) for v in (a @ b).ravel()]})

path = os.path.join(HERE, "products.json")
with open(path, "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", os.path.getsize(path), "bytes")
