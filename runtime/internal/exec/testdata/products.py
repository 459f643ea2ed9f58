#!/usr/bin/env python3
"""Writes conv.json, convtranspose.json, matmul.json and qconv.json of this folder: one-node cases of the convolutions and
matrix products with what ONNX Runtime makes of them, or ONNX's reference evaluator where ONNX Runtime has no kernel
("by" says which). A case that both answer differently stops the script, unless the note beside it says whom to believe.

    pip install onnx==1.23.2 onnxruntime==1.30.0 numpy; python3 products.py

The form is that of windowed.py: a tensor is t (type), s (shape) and d (contents), or r (a seed): element i is then
((i*37 + 11*r) mod 64)/8 - 4 for floats and (i*37 + 11*r) mod 64 for integers. Sums of products of such floats are exact.
"""
import json, os, warnings
import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator
import onnxruntime as ort

warnings.simplefilter("ignore")
ort.set_default_logger_severity(4)
HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {1: "float", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 10: "float16", 11: "double", 12: "uint32", 13: "uint64"}
F, D, H = np.float32, np.float64, np.float16


class Ramp:
    def __init__(self, shape, seed=1, dtype=F):
        self.shape, self.seed = list(shape), seed
        n = (np.arange(int(np.prod(shape)), dtype=np.int64) * 37 + 11 * seed) % 64
        if np.issubdtype(dtype, np.floating):
            n = n / 8 - 4
        self.value = n.astype(dtype).reshape(shape)


def number(v):
    if isinstance(v, (int, np.integer)):
        return int(v)
    short = float("%.9g" % float(v))
    return int(short) if short == int(short) else short


def encode(x):
    if x is None:
        return None
    a = x.value if isinstance(x, Ramp) else x
    t = {"t": NAMES[helper.np_dtype_to_tensor_dtype(a.dtype)], "s": list(a.shape)}
    if isinstance(x, Ramp):
        t["r"] = x.seed
    else:
        t["d"] = [number(v) for v in a.ravel()]
    return t


def answers(op, opset, attrs, inputs):
    names, infos, feed = [], [], {}
    for i, x in enumerate(inputs):
        if x is None:
            names.append("")
            continue
        a = x.value if isinstance(x, Ramp) else x
        names.append(f"i{i}")
        feed[f"i{i}"] = a
        infos.append(helper.make_tensor_value_info(f"i{i}", helper.np_dtype_to_tensor_dtype(a.dtype), a.shape))
    node = helper.make_node(op, names, ["o"], **attrs)
    graph = helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name="o")])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset < 22 else 10)
    out = {}
    try:
        out["onnxruntime"] = ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)[0]
    except Exception as e:
        out["why"] = str(e)[:90]
    try:
        out["reference"] = ReferenceEvaluator(m).run(None, feed)[0]
    except Exception:
        pass
    return out


class File:
    def __init__(self, name):
        self.name, self.cases, self.counts = name, [], {}

    def add(self, name, op, inputs, opset=17, believe=None, rtol=None, **attrs):
        got = answers(op, opset, attrs, inputs)
        a, b = got.get("onnxruntime"), got.get("reference")
        by = believe or ("onnxruntime" if a is not None else "reference")
        y = got.get(by)
        assert y is not None, (name, got)
        if a is not None and b is not None and not believe:
            assert a.shape == b.shape and a.dtype == b.dtype and np.allclose(a.astype(D), b.astype(D), rtol or 1e-5, rtol or 1e-5), (name, a, b)
        c = {"name": name, "op": op, "opset": opset, "attrs": attrs, "in": [encode(x) for x in inputs], "out": [encode(np.asarray(y))], "by": by}
        if rtol:
            c["rtol"], c["atol"] = rtol, rtol
        self.cases.append(c)
        self.counts[by] = self.counts.get(by, 0) + 1

    def write(self):
        path = os.path.join(HERE, self.name + ".json")
        with open(path, "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in self.cases) + "\n]\n")
        print(f"{self.name}: {len(self.cases)} cases, {self.counts}, {os.path.getsize(path)} bytes")


def conv():
    f = File("conv")

    def add(name, x, w, bias=True, dtype=F, **kw):
        f.add(name, "Conv", [Ramp(x, 1, dtype), Ramp(w, 2, dtype)] + ([Ramp([w[0]], 3, dtype)] if bias else []), **kw)

    for opset in (7, 11, 22):
        add(f"2d opset {opset}", [2, 3, 7, 6], [4, 3, 3, 2], opset=opset, kernel_shape=[3, 2], pads=[1, 0, 1, 1])
    add("1d", [1, 2, 9], [3, 2, 3], strides=[2], pads=[1, 2])
    add("1d dilated", [2, 2, 11], [2, 2, 3], dilations=[3], bias=False)
    add("3d", [1, 2, 5, 4, 6], [2, 2, 2, 3, 3], strides=[1, 2, 2], pads=[1, 1, 0, 0, 1, 2])
    add("3d groups dilated", [1, 4, 5, 5, 5], [4, 2, 2, 2, 2], group=2, dilations=[2, 1, 3])
    add("4d", [1, 2, 3, 3, 3, 3], [2, 2, 2, 1, 2, 2], bias=False)
    add("pointwise", [1, 5, 4, 3], [6, 5, 1, 1])
    add("pointwise strided", [1, 5, 5, 4], [3, 5, 1, 1], strides=[2, 3])
    add("groups", [1, 6, 5, 5], [4, 3, 3, 3], group=2, pads=[1, 1, 1, 1])
    add("depthwise", [2, 4, 6, 5], [4, 1, 3, 3], group=4, pads=[1, 1, 1, 1])
    add("depthwise multiplier strided", [1, 3, 7, 8], [6, 1, 3, 3], group=3, pads=[1, 0, 0, 1], strides=[2, 3])
    add("depthwise dilated", [1, 2, 9, 9], [2, 1, 3, 2], group=2, pads=[2, 2, 2, 2], dilations=[2, 3], bias=False)
    add("depthwise 1d", [1, 3, 8], [3, 1, 4], group=3, pads=[3, 1])
    add("kernel larger than source", [1, 2, 2, 2], [2, 2, 5, 5], pads=[2, 2, 2, 2])
    add("one output", [1, 3, 4, 4], [5, 3, 4, 4])
    add("tap beyond the source", [1, 1, 3, 4], [1, 1, 3, 3], pads=[5, 6, 5, 6], dilations=[5, 6])
    for auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        add(f"{auto}", [1, 2, 7, 6], [2, 2, 3, 4], auto_pad=auto)
        add(f"{auto} strided", [1, 2, 7, 6], [2, 2, 3, 4], auto_pad=auto, strides=[2, 3])
        add(f"{auto} dilated", [1, 1, 7, 9], [1, 1, 3, 2], auto_pad=auto, dilations=[2, 3])
    add("SAME_UPPER stride beyond the kernel", [1, 1, 7, 6], [1, 1, 1, 2], auto_pad="SAME_UPPER", strides=[4, 5])
    add("float64", [1, 3, 5, 4], [2, 3, 3, 3], dtype=D, pads=[1, 1, 1, 1])
    add("float64 groups", [1, 4, 5, 4], [4, 2, 2, 2], dtype=D, group=2, strides=[2, 1])
    add("float16", [1, 3, 5, 4], [2, 3, 3, 3], dtype=H, pads=[1, 1, 1, 1], rtol=1e-3)
    add("wide", [1, 20, 9, 70], [3, 20, 3, 3], pads=[1, 1, 1, 1])
    f.write()


def conv_transpose():
    f = File("convtranspose")

    def add(name, x, w, bias=True, dtype=F, **kw):
        n = w[1] * kw.get("group", 1)
        f.add(name, "ConvTranspose", [Ramp(x, 1, dtype), Ramp(w, 2, dtype)] + ([Ramp([n], 3, dtype)] if bias else []), **kw)

    for opset in (7, 11, 22):
        add(f"2d opset {opset}", [2, 3, 4, 5], [3, 2, 3, 3], opset=opset, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 0])
    add("1d", [1, 2, 5], [2, 3, 4], strides=[3])
    add("3d", [1, 2, 3, 2, 3], [2, 2, 2, 3, 2], strides=[2, 1, 3], pads=[0, 1, 1, 1, 0, 0])
    add("stride 1", [1, 2, 4, 4], [2, 3, 3, 3], pads=[1, 1, 1, 1], bias=False)
    add("groups", [1, 4, 3, 3], [4, 2, 3, 2], group=2, strides=[2, 2], bias=False)
    # The reference gives every group the first one's bias.
    add("depthwise", [1, 3, 3, 4], [3, 1, 4, 4], group=3, strides=[2, 2], pads=[1, 1, 1, 1], believe="onnxruntime")
    add("dilated", [1, 2, 3, 4], [2, 2, 3, 2], dilations=[2, 3])
    add("dilated strided", [1, 2, 3, 4], [2, 1, 3, 3], dilations=[2, 3], strides=[4, 2], output_padding=[3, 1])
    add("dilation and stride alike", [1, 1, 4, 4], [1, 1, 3, 2], dilations=[2, 3], strides=[2, 3])
    add("stride beyond the kernel", [1, 2, 3, 3], [2, 2, 2, 1], strides=[3, 4])
    add("kernel_shape", [1, 1, 3, 3], [1, 2, 3, 2], kernel_shape=[3, 2], strides=[1, 2])
    for auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        add(f"{auto}", [1, 2, 4, 3], [2, 2, 3, 4], auto_pad=auto, strides=[2, 3])
        add(f"{auto} stride 1", [1, 2, 4, 3], [2, 2, 3, 4], auto_pad=auto)
    add("SAME_UPPER stride beyond the kernel", [1, 1, 3, 3], [1, 1, 2, 2], auto_pad="SAME_UPPER", strides=[4, 3],
        believe="onnxruntime")  # which ONNX's shape inference agrees with
    # The reference refuses output_shape without auto_pad where it has to cut.
    add("output_shape", [1, 2, 3, 3], [2, 2, 3, 3], output_shape=[6, 7], strides=[2, 2])
    add("output_shape beyond", [1, 2, 3, 3], [2, 2, 3, 3], output_shape=[10, 8], strides=[3, 2])
    add("output_shape and output_padding", [1, 2, 3, 3], [2, 2, 3, 3], output_shape=[7, 6], strides=[2, 2], output_padding=[1, 1])
    add("output_shape SAME_UPPER", [1, 2, 3, 3], [2, 2, 3, 3], output_shape=[6, 5], strides=[2, 2], auto_pad="SAME_UPPER")
    add("output_shape SAME_LOWER", [1, 2, 3, 3], [2, 2, 3, 3], output_shape=[6, 5], strides=[2, 2], auto_pad="SAME_LOWER")
    add("float64", [1, 3, 3, 4], [3, 2, 3, 3], dtype=D, strides=[2, 1])
    add("float16", [1, 3, 3, 4], [3, 2, 3, 3], dtype=H, strides=[2, 1], rtol=1e-3)
    f.write()


def matmul():
    f = File("matmul")

    def add(name, a, b, dtype=F, **kw):
        f.add(name, "MatMul", [Ramp(a, 1, dtype), Ramp(b, 2, dtype)], **kw)

    for opset in (7, 9, 13):
        add(f"2d opset {opset}", [5, 7], [7, 6], opset=opset)
    add("vector by matrix", [7], [7, 6])
    add("matrix by vector", [5, 7], [7])
    add("vectors", [7], [7])
    add("vector by batch", [3], [2, 3, 4])
    add("batch by vector", [2, 4, 3], [3])
    add("batch by matrix", [2, 3, 4, 5], [5, 2])
    add("matrix by batch", [4, 5], [3, 5, 2])
    add("batches", [3, 4, 5], [3, 5, 2])
    add("broadcast", [2, 1, 4, 5], [3, 5, 2])
    add("broadcast both ways", [2, 1, 3, 2], [1, 3, 2, 4])
    add("inner 1", [4, 1], [1, 5])
    add("deep", [3, 600], [600, 2])
    for dtype in (D, np.int32, np.int64, np.uint32, np.uint64, H):
        add(np.dtype(dtype).name, [2, 4, 5], [5, 3], dtype=dtype, rtol=1e-3 if dtype == H else None)

    def gemm(name, a, b, c, dtype=F, **kw):
        f.add(name, "Gemm", [Ramp(a, 1, dtype), Ramp(b, 2, dtype)] + ([Ramp(c, 3, dtype)] if c is not None else []), **kw)

    for opset in (7, 9, 11, 13):
        gemm(f"opset {opset}", [3, 5], [5, 4], [4], opset=opset)
    gemm("no bias", [3, 5], [5, 4], None)
    gemm("transA", [5, 3], [5, 4], [3, 4], transA=1)
    gemm("transB", [3, 5], [4, 5], [3, 1], transB=1)
    gemm("all", [5, 3], [4, 5], [1, 4], transA=1, transB=1, alpha=0.25, beta=-1.5)
    gemm("scalar bias", [3, 5], [5, 4], [], beta=0.5)
    gemm("bias of one", [3, 5], [5, 4], [1])
    gemm("alpha", [3, 5], [5, 4], None, alpha=-2.0)
    gemm("beta 0", [3, 5], [5, 4], [3, 4], beta=0.0)
    gemm("float64", [3, 5], [5, 4], [4], dtype=D, alpha=0.5)
    gemm("float16", [3, 5], [5, 4], [4], dtype=H, rtol=1e-3)
    for dtype in (np.int32, np.int64, np.uint32, np.uint64):
        gemm(np.dtype(dtype).name, [3, 5], [5, 4], [4], dtype=dtype, believe="reference")

    def integer(name, a, b, types=(np.uint8, np.int8), za=None, zb=None, **kw):
        zero = [None if z is None else np.array(z, t) for z, t in zip((za, zb), types)]
        while zero and zero[-1] is None:
            zero.pop()
        f.add(name, "MatMulInteger", [Ramp(a, 1, types[0]), Ramp(b, 2, types[1])] + zero, **kw)

    for x in (np.uint8, np.int8):
        for y in (np.uint8, np.int8):
            integer(f"{np.dtype(x).name} by {np.dtype(y).name}", [4, 300], [300, 3], (x, y), 7, 120)
    integer("no zero points", [4, 3], [3, 5])
    integer("zero point of b", [4, 3], [3, 5], zb=-100)
    integer("zero points by column", [4, 3], [3, 5], za=3, zb=[1, -2, 3, -4, 5])
    # ONNX Runtime has no zero points by row; the reference stretches a vector over columns, so only the full form counts.
    integer("zero points by row", [2, 4, 3], [3, 5], za=np.arange(8).reshape(2, 4, 1), believe="reference")
    integer("zero points of batches", [2, 4, 3], [2, 3, 5], za=3, zb=np.arange(10).reshape(2, 1, 5))
    integer("broadcast", [2, 1, 4, 3], [3, 3, 5], za=3, zb=4)
    f.write()


def qconv():
    f = File("qconv")

    def integer(name, x, w, types=(np.uint8, np.uint8), zx=None, zw=None, **kw):
        zero = [None if z is None else np.array(z, t) for z, t in zip((zx, zw), types)]
        while zero and zero[-1] is None:
            zero.pop()
        f.add(name, "ConvInteger", [Ramp(x, 1, types[0]), Ramp(w, 2, types[1])] + zero, **kw)

    integer("plain", [1, 2, 5, 4], [3, 2, 3, 3])
    integer("zero points", [1, 2, 5, 4], [3, 2, 3, 3], zx=20, zw=33, pads=[1, 1, 1, 1])
    integer("zero points by channel", [1, 2, 5, 4], [3, 2, 3, 3], zx=20, zw=[0, 60, 9], pads=[0, 1, 2, 1])
    integer("groups", [1, 4, 6, 5], [4, 2, 2, 3], zx=5, zw=7, group=2, strides=[2, 1], dilations=[1, 2])
    integer("1d", [2, 3, 9], [2, 3, 4], zx=5, strides=[2], auto_pad="SAME_UPPER")
    integer("deep", [1, 300, 2, 2], [2, 300, 2, 1], zx=255, zw=255)
    integer("int8 weights", [1, 2, 5, 4], [3, 2, 3, 3], (np.uint8, np.int8), 20, -5, pads=[1, 1, 1, 1])
    integer("int8", [1, 2, 5, 4], [3, 2, 3, 3], (np.int8, np.int8), -20, 5, pads=[1, 1, 1, 1])

    def quantized(name, x, w, types=(np.uint8, np.uint8, np.uint8), scales=(0.02, 0.03, 0.5), zeros=(10, 30, 100), bias=True, **kw):
        xs, ws, ys = (np.array(s, F) for s in scales)
        zx, zw, zy = (np.array(z, t) for z, t in zip(zeros, types))
        inputs = [Ramp(x, 1, types[0]), xs, zx, Ramp(w, 2, types[1]), ws, zw, ys, zy]
        f.add(name, "QLinearConv", inputs + ([Ramp([w[0]], 3, np.int32)] if bias else []), **kw)

    i8 = (np.int8, np.int8, np.int8)
    quantized("plain", [1, 2, 5, 4], [3, 2, 3, 3])
    quantized("no bias", [2, 2, 5, 4], [3, 2, 3, 3], bias=False, pads=[1, 1, 1, 1])
    quantized("by channel", [1, 2, 5, 4], [3, 2, 3, 3], scales=(0.02, [0.01, 0.05, 0.2], 0.3), zeros=(10, [30, 30, 30], 100), pads=[1, 1, 1, 1])
    quantized("zero points by channel", [1, 2, 5, 4], [3, 2, 3, 3], i8, scales=(0.02, [0.01, 0.05, 0.2], 0.3), zeros=(-10, [0, 0, 0], 10))
    quantized("saturates", [1, 2, 5, 4], [3, 2, 3, 3], scales=(0.5, 0.5, 0.25))
    quantized("halves", [1, 1, 8, 8], [1, 1, 1, 1], scales=(1, 1, 2), zeros=(20, 0, 100), bias=False)
    quantized("int8", [1, 4, 6, 5], [4, 2, 3, 3], i8, zeros=(10, 3, -20), group=2, strides=[2, 1])
    quantized("int8 weights", [1, 4, 6, 5], [4, 2, 3, 3], (np.uint8, np.int8, np.uint8), zeros=(10, 3, 20), group=2, dilations=[2, 1])
    quantized("depthwise", [1, 4, 6, 5], [4, 1, 3, 3], group=4, auto_pad="SAME_LOWER", strides=[2, 2])
    quantized("1d", [1, 2, 9], [3, 2, 3], pads=[1, 1])
    f.write()


if __name__ == "__main__":
    conv()
    conv_transpose()
    matmul()
    qconv()
