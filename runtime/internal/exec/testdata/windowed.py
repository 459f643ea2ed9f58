#!/usr/bin/env python3
"""Writes the *.json of this folder that cover pooling, normalisation, softmax, reduction, ArgMax/ArgMin, TopK, Resize,
Upsample, DepthToSpace and SpaceToDepth: one-node cases with what ONNX Runtime and ONNX's reference evaluator make of
them, and the small ones of ONNX's own node tests.

    pip install onnx==1.23.2 onnxruntime==1.30.0 numpy; python3 windowed.py

Where the two differ by more than rounding, the case takes the reference's values, or ONNX Runtime's if prefer says so,
and its "by" says which; where only one is asked or answers, "by" names it. A summary goes to standard output.
ONNX Runtime is preferred where a coordinate that falls on a whole number only in float32 meets nearest_mode floor (this
project computes coordinates in float32 too), and for pytorch_half_pixel to length 1, which ONNX's text maps to 0.

A case: name, op, opset, attrs, in, out, by, and rtol/atol where they are not the default. A tensor: t (ONNX's name of
the type), s (shape), and d (contents), or r (a seed): element i is then ((i*37 + 11*r) mod 64)/8 - 4 for floats, and
(i*37 + 11*r) mod 64 for integers.
"""
import json, math, os, warnings
import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
import onnxruntime as ort

warnings.simplefilter("ignore")
ort.set_default_logger_severity(4)
HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
         11: "double", 12: "uint32", 13: "uint64"}


class Ramp:
    """A tensor whose contents follow from a seed."""

    def __init__(self, shape, seed=1, dtype=np.float32):
        self.shape, self.seed = list(shape), seed
        n = (np.arange(int(np.prod(shape)), dtype=np.int64) * 37 + 11 * seed) % 64
        if np.issubdtype(dtype, np.floating):
            n = n / 8 - 4
        self.value = n.astype(dtype).reshape(shape)


def number(v, digits):
    if isinstance(v, (bool, np.bool_)):
        return bool(v)
    if isinstance(v, (int, np.integer)):
        return int(v)
    v = float(v)
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    short = float(f"%.{digits}g" % v)
    return int(short) if short == int(short) and not (short == 0 and math.copysign(1, v) < 0) else short


def encode(x):
    if x is None:
        return None
    if isinstance(x, Ramp):
        return {"t": NAMES[helper.np_dtype_to_tensor_dtype(x.value.dtype)], "s": x.shape, "r": x.seed}
    return {"t": NAMES[helper.np_dtype_to_tensor_dtype(x.dtype)], "s": list(x.shape), "d": [number(v, 17 if x.dtype == np.float64 else 9) for v in x.ravel()]}


def model(op, opset, attrs, inputs, outputs, names=None):
    ins, infos, feed = [], [], {}
    for i, x in enumerate(inputs):
        if x is None:
            ins.append("")
            continue
        x = x.value if isinstance(x, Ramp) else x
        ins.append(f"i{i}")
        feed[f"i{i}"] = x
        infos.append(helper.make_tensor_value_info(f"i{i}", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape))
    outs = [f"o{k}" for k in range(outputs)]
    node = helper.make_node(op, ins, outs, **attrs)
    g = helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name=o) for o in outs])
    return helper.make_model(g, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), feed


def by_runtime(m, feed):
    o = ort.SessionOptions()
    o.log_severity_level = 4
    return ort.InferenceSession(m.SerializeToString(), o, providers=["CPUExecutionProvider"]).run(None, feed)


class File:
    def __init__(self, name):
        self.name, self.cases, self.told = name, [], []

    def add(self, name, op, opset, attrs, inputs, outputs=1, use="both", rtol=None, atol=None, prefer="reference"):
        """use: both, runtime (ONNX Runtime alone), reference, or a list of arrays."""
        if isinstance(use, list):
            return self.put(name, op, opset, attrs, inputs, use, "numpy", rtol, atol)
        m, feed = model(op, opset, attrs, inputs, outputs)
        got, why = {}, {}
        if use in ("both", "runtime"):
            try:
                got["onnxruntime"] = by_runtime(m, feed)
            except Exception as e:
                why["onnxruntime"] = str(e).split("\n")[0][:150]
        if use in ("both", "reference"):
            try:
                got["reference"] = ReferenceEvaluator(m).run(None, feed)
            except Exception as e:
                why["reference"] = repr(e)[:150]
        if not got:
            raise SystemExit(f"{name}: nobody computes it: {why}")
        by = "+".join(got)
        take = list(got.values())[0]
        if len(got) == 2:
            a, b = got["onnxruntime"], got["reference"]
            same = all(p.shape == q.shape and np.allclose(p.astype(float), q.astype(float), 1e-4, 1e-5, equal_nan=True) for p, q in zip(a, b))
            if not same:
                take, by = (a, "onnxruntime, unlike reference") if prefer == "runtime" else (b, "reference, unlike onnxruntime")
        for k, v in why.items():
            self.told.append(f"{name}: {k} refuses: {v}")
        if "unlike" in by:
            self.told.append(f"{name}: {by}")
        self.put(name, op, opset, attrs, inputs, take, by, rtol, atol)

    def put(self, name, op, opset, attrs, inputs, outputs, by, rtol, atol):
        c = {"name": name, "op": op, "opset": opset, "attrs": attrs, "in": [encode(x) for x in inputs],
             "out": [encode(np.asarray(x)) for x in outputs], "by": by}
        if rtol is not None:
            c["rtol"] = rtol
        if atol is not None:
            c["atol"] = atol
        self.cases.append(c)

    def write(self):
        path = os.path.join(HERE, self.name + ".json")
        with open(path, "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in self.cases) + "\n]\n")
        print(f"{self.name}: {len(self.cases)} cases, {os.path.getsize(path)} bytes")
        for t in self.told:
            print("   ", t)


def f32(*v):
    return np.array(v, np.float32)


def i64(*v):
    return np.array(v, np.int64)


def resize_nearest():
    f = File("resize_nearest")
    coords = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "half_pixel_symmetric"]
    sizes = [((4, 5), (8, 3)), ((5, 7), (3, 16)), ((6, 3), (1, 1)), ((1, 4), (3, 7)), ((7, 2), (12, 1))]
    for c in coords:
        for r in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
            use = "runtime" if c == "tf_half_pixel_for_nn" else "both"
            for i, (a, b) in enumerate(sizes):
                f.add(f"{a}-{b} {c} {r}", "Resize", 19, {"coordinate_transformation_mode": c, "nearest_mode": r},
                      [Ramp((1, 1) + a), None, None, i64(1, 1, *b)], use=use, prefer="runtime")
            for a, s in [((4, 5), (1.5, 0.6)), ((3, 6), (2, 2))]:
                f.add(f"{a}x{s} {c} {r}", "Resize", 19, {"coordinate_transformation_mode": c, "nearest_mode": r},
                      [Ramp((1, 1) + a), None, f32(1, 1, *s)], use=use, prefer="runtime")
    for s in (0.5, 0.6, 0.35, 1.5, 2, 2.7):
        f.add(f"opset 10 x{s}", "Resize", 10, {"mode": "nearest"}, [Ramp((1, 1, 3, 10)), f32(1, 1, 1, s)], use="runtime")
    for s in (1, 1.5, 2, 2.7):
        f.add(f"Upsample 9 x{s}", "Upsample", 9, {"mode": "nearest"}, [Ramp((1, 2, 3, 4)), f32(1, 1, s, 2)], use="runtime")
        f.add(f"Upsample 7 x{s}", "Upsample", 7, {"mode": "nearest", "scales": [1.0, 1.0, float(s), 1.0]}, [Ramp((1, 2, 3, 4))], use="runtime")
    for d in (np.int32, np.uint8, np.int8, np.float64, np.float16, np.int64):
        f.add(f"type {np.dtype(d).name}", "Resize", 13, {"mode": "nearest"}, [Ramp((2, 1, 2, 3), 2, d), None, f32(1, 1, 2, 1.5)], use="both")
    f.add("type bool", "Resize", 13, {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
          [np.array([[True, False, True]]), None, f32(2, 2)], use=[np.repeat(np.repeat(np.array([[True, False, True]]), 2, 0), 2, 1)])
    for n, shape, out in [("1-D", (5,), (9,)), ("3-D", (2, 3, 4), (3, 5, 2)), ("5-D", (1, 2, 2, 3, 2), (1, 2, 3, 2, 4)), ("6-D", (1, 2, 1, 2, 3, 2), (2, 2, 3, 2, 5, 2))]:
        f.add(n, "Resize", 13, {"mode": "nearest"}, [Ramp(shape), None, None, i64(*out)])
    f.add("crop", "Resize", 19, {"mode": "nearest", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 9.5},
          [Ramp((1, 1, 5, 6)), f32(0, 0, -0.25, 0.4, 1, 1, 0.75, 1.5), None, i64(1, 1, 4, 5)])
    for policy in ("not_larger", "not_smaller"):
        for a, b in [((4, 6), (5, 5)), ((7, 3), (3, 3)), ((6, 9), (1, 7)), ((5, 5), (7, 8))]:
            f.add(f"{policy} {a}-{b}", "Resize", 19, {"mode": "nearest", "keep_aspect_ratio_policy": policy, "axes": [2, 3]},
                  [Ramp((1, 1) + a), None, None, i64(*b)])
    f.add("axes 3 1", "Resize", 18, {"mode": "nearest", "axes": [3, 1]}, [Ramp((1, 2, 2, 3)), None, f32(2, 1.5)])
    f.add("axes -1 -2", "Resize", 18, {"mode": "nearest", "axes": [-1, -2]}, [Ramp((1, 2, 2, 3)), None, f32(2, 1.5)], use=[
        ReferenceEvaluator(model("Resize", 18, {"mode": "nearest", "axes": [3, 2]}, [Ramp((1, 2, 2, 3)), None, f32(2, 1.5)], 1)[0]).run(
            None, {"i0": Ramp((1, 2, 2, 3)).value, "i2": f32(2, 1.5)})[0]])
    f.add("scales empty", "Resize", 11, {"mode": "nearest"}, [Ramp((1, 1, 2, 2)), f32(), f32(), i64(1, 1, 3, 4)])
    f.write()


def resize_linear():
    f = File("resize_linear")
    coords = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "half_pixel_symmetric"]
    sizes = [((4, 5), (8, 3)), ((5, 7), (3, 16)), ((6, 3), (1, 1)), ((1, 4), (3, 7)), ((7, 2), (20, 2)), ((3, 3), (3, 9))]
    for c in coords:
        use = "runtime" if c == "tf_half_pixel_for_nn" else "both"
        for a, b in sizes:
            f.add(f"sizes {a}-{b} {c}", "Resize", 19, {"mode": "linear", "coordinate_transformation_mode": c},
                  [Ramp((1, 2) + a), None, None, i64(1, 2, *b)], use=use)
        for a, s in [((4, 5), (1.5, 0.6)), ((3, 6), (2, 2)), ((7, 4), (0.4, 2.3))]:
            f.add(f"scales {a}x{s} {c}", "Resize", 19, {"mode": "linear", "coordinate_transformation_mode": c},
                  [Ramp((1, 1) + a), None, f32(1, 1, *s)], use=use)
    for s in (0.6, 1.5, 2):
        f.add(f"opset 10 x{s}", "Resize", 10, {"mode": "linear"}, [Ramp((1, 1, 3, 5)), f32(1, 1, s, s)], use="runtime")
    for s in (1.5, 2):
        f.add(f"Upsample 9 x{s}", "Upsample", 9, {"mode": "linear"}, [Ramp((1, 2, 3, 4)), f32(1, 1, s, 2)], use="runtime")
        f.add(f"Upsample 7 x{s}", "Upsample", 7, {"mode": "linear", "scales": [1.0, 1.0, float(s), 2.0]}, [Ramp((1, 2, 3, 4))], use="runtime")
    ac = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    f.add("trilinear", "Resize", 13, ac, [Ramp((1, 2, 3, 3, 4)), None, None, i64(1, 2, 2, 5, 6)])
    f.add("3-D", "Resize", 13, {"mode": "linear"}, [Ramp((3, 3, 4)), None, None, i64(5, 2, 6)])
    f.add("2-D", "Resize", 13, {"mode": "linear"}, [Ramp((3, 4)), None, f32(2, 1.5)])
    f.add("1-D", "Resize", 13, {"mode": "linear"}, [Ramp((5,)), None, None, i64(8)])
    f.add("channels last", "Resize", 13, {"mode": "linear"}, [Ramp((1, 3, 4, 2)), None, f32(1, 2, 1.5, 1)])
    f.add("all four axes", "Resize", 13, {"mode": "linear"}, [Ramp((2, 2, 3, 2)), None, None, i64(3, 3, 2, 4)])
    f.add("width alone", "Resize", 13, ac, [Ramp((1, 2, 3, 4)), None, None, i64(1, 2, 3, 9)])
    f.add("height alone", "Resize", 13, ac, [Ramp((1, 2, 3, 4)), None, None, i64(1, 2, 7, 4)])
    f.add("network head", "Resize", 13, ac, [Ramp((1, 2, 5, 9)), None, None, i64(1, 2, 17, 33)])
    f.add("double", "Resize", 13, ac, [Ramp((1, 1, 3, 4), 1, np.float64), None, None, i64(1, 1, 7, 5)], use="reference", rtol=1e-12)
    f.add("float16", "Resize", 13, ac, [Ramp((1, 1, 3, 4), 1, np.float16), None, None, i64(1, 1, 7, 5)], use="reference", rtol=1e-3)
    for d in (np.uint8, np.int8, np.int32):
        f.add(f"type {np.dtype(d).name}", "Resize", 13, {"mode": "linear"}, [Ramp((1, 1, 3, 4), 1, d), None, None, i64(1, 1, 5, 7)], use="reference")
    crop = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"}
    roi = f32(0, 0, -0.25, 0.4, 1, 1, 0.75, 1.5)
    f.add("crop", "Resize", 19, dict(crop, extrapolation_value=9.5), [Ramp((1, 2, 5, 6)), roi, None, i64(1, 2, 4, 5)])
    f.add("crop inside", "Resize", 19, crop, [Ramp((1, 2, 5, 6)), f32(0, 0, 0.2, 0.1, 1, 1, 0.7, 0.95), None, i64(1, 2, 4, 5)])
    f.add("crop to one", "Resize", 19, crop, [Ramp((1, 1, 5, 6)), f32(0, 0, 0.2, 0.1, 1, 1, 0.7, 0.95), None, i64(1, 1, 1, 1)])
    f.add("crop flipped", "Resize", 19, crop, [Ramp((1, 1, 5, 6)), f32(0, 0, 0.8, 1, 1, 1, 0.1, 0), None, i64(1, 1, 4, 5)])
    f.add("crop same size", "Resize", 19, crop, [Ramp((1, 1, 4, 4)), f32(0, 0, 0.25, 0.5, 1, 1, 0.75, 1), None, i64(1, 1, 4, 4)])
    f.add("crop axes", "Resize", 19, dict(crop, axes=[3, 2]), [Ramp((1, 1, 5, 6)), f32(0.2, 0.1, 0.7, 0.95), None, i64(4, 5)])
    for policy in ("not_larger", "not_smaller"):
        for a, b in [((4, 6), (5, 5)), ((7, 3), (3, 3)), ((6, 9), (2, 7))]:
            f.add(f"{policy} {a}-{b}", "Resize", 19, {"mode": "linear", "keep_aspect_ratio_policy": policy, "axes": [2, 3]},
                  [Ramp((1, 1) + a), None, None, i64(*b)])
    f.write()


def resize_cubic():
    f = File("resize_cubic")
    coords = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    sizes = [((4, 5), (8, 3)), ((5, 7), (3, 9)), ((6, 3), (1, 1)), ((1, 4), (3, 7))]
    for c in coords:
        for extra in ({}, {"cubic_coeff_a": -0.5, "exclude_outside": 1}):
            for a, b in sizes:
                f.add(f"sizes {a}-{b} {c} {extra}", "Resize", 19, dict({"mode": "cubic", "coordinate_transformation_mode": c}, **extra),
                      [Ramp((1, 1) + a), None, None, i64(1, 1, *b)], prefer="runtime" if c == "pytorch_half_pixel" else "reference")
            f.add(f"scales {c} {extra}", "Resize", 19, dict({"mode": "cubic", "coordinate_transformation_mode": c}, **extra),
                  [Ramp((1, 2, 4, 5)), None, f32(1, 1, 1.5, 0.6)])
    f.add("crop", "Resize", 19, {"mode": "cubic", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 9.5},
          [Ramp((1, 1, 5, 6)), f32(0, 0, -0.25, 0.4, 1, 1, 0.75, 1.5), None, i64(1, 1, 4, 5)])
    f.add("3-D", "Resize", 19, {"mode": "cubic"}, [Ramp((3, 3, 4)), None, None, i64(5, 2, 6)])
    f.add("uint8", "Resize", 19, {"mode": "cubic"}, [Ramp((1, 1, 4, 4), 1, np.uint8), None, None, i64(1, 1, 7, 7)], use="reference")
    for mode in ("linear", "cubic"):
        for c in ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"):
            for extra in ({}, {"exclude_outside": 1}):
                for a, b in [((9, 8), (4, 3)), ((7, 5), (2, 9)), ((12, 3), (5, 1))]:
                    f.add(f"antialias {mode} {a}-{b} {c} {extra}", "Resize", 19, dict({"mode": mode, "antialias": 1, "coordinate_transformation_mode": c}, **extra),
                          [Ramp((1, 1) + a), None, None, i64(1, 1, *b)], prefer="runtime" if c == "pytorch_half_pixel" else "reference")
    f.add("antialias scales", "Resize", 19, {"mode": "linear", "antialias": 1}, [Ramp((1, 1, 9, 7)), None, f32(1, 1, 0.35, 0.6)])
    f.add("antialias 3-D", "Resize", 19, {"mode": "linear", "antialias": 1}, [Ramp((7, 5, 6)), None, None, i64(3, 2, 6)])
    f.write()


def pool():
    f = File("pool")
    two = {"kernel_shape": [3, 2], "strides": [2, 1]}
    attrs = [two, dict(two, pads=[1, 0, 1, 1]), dict(two, ceil_mode=1), dict(two, pads=[1, 1, 0, 1], ceil_mode=1),
             dict(two, auto_pad="SAME_UPPER"), dict(two, auto_pad="SAME_LOWER"), dict(two, auto_pad="VALID"),
             {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
             {"kernel_shape": [2, 2], "strides": [2, 2]}, {"kernel_shape": [1, 1], "strides": [3, 2]},
             {"kernel_shape": [2, 3], "strides": [3, 3], "ceil_mode": 1}]
    for i, a in enumerate(attrs):
        f.add(f"max {i}", "MaxPool", 12, a, [Ramp((1, 2, 6, 7))], 2, use="runtime")
        f.add(f"max values {i}", "MaxPool", 22, a, [Ramp((2, 1, 7, 5))], 1, use="runtime")
        f.add(f"max column major {i}", "MaxPool", 12, dict(a, storage_order=1), [Ramp((1, 2, 6, 7))], 2, use="runtime")
        for inc in (0, 1):
            f.add(f"average {i} include {inc}", "AveragePool", 19, dict(a, count_include_pad=inc), [Ramp((1, 2, 6, 7))], use="runtime")
    for d in ([2, 1], [2, 3]):
        a = {"kernel_shape": [3, 2], "dilations": d, "pads": [1, 1, 2, 1]}
        f.add(f"max dilated {d}", "MaxPool", 12, a, [Ramp((1, 2, 8, 7))], 2, use="runtime")
        f.add(f"max dilated values {d}", "MaxPool", 12, a, [Ramp((1, 2, 8, 7))], 1, use="runtime")
        for inc in (0, 1):
            f.add(f"average dilated {d} include {inc}", "AveragePool", 19, dict(a, count_include_pad=inc), [Ramp((1, 2, 8, 7))], use="runtime")
    for op in ("MaxPool", "AveragePool"):
        f.add(f"{op} 1-D", op, 11, {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}, [Ramp((2, 2, 9))], use="runtime")
        f.add(f"{op} 3-D", op, 11, {"kernel_shape": [2, 3, 2], "strides": [1, 2, 1], "pads": [1, 0, 0, 0, 1, 1]}, [Ramp((1, 2, 3, 5, 4))], use="runtime")
        f.add(f"{op} opset 7", op, 7, {"kernel_shape": [2, 2]}, [Ramp((1, 1, 3, 3))], use="runtime")
        f.add(f"{op} double", op, 11, {"kernel_shape": [2, 2], "pads": [1, 0, 0, 1]}, [Ramp((1, 1, 3, 3), 1, np.float64)], use="runtime" if op == "MaxPool" else "reference")
    f.add("max 3-D indices", "MaxPool", 12, {"kernel_shape": [2, 2, 2]}, [Ramp((1, 2, 3, 4, 3))], 2, use="runtime")
    f.add("max 3-D column major", "MaxPool", 12, {"kernel_shape": [2, 2, 2], "storage_order": 1}, [Ramp((1, 2, 3, 4, 3))], 2, use="runtime")
    f.add("max 1-D indices", "MaxPool", 12, {"kernel_shape": [3], "pads": [2, 0], "dilations": [2]}, [Ramp((2, 2, 9))], 2, use="runtime")
    for d in (np.int8, np.uint8):
        f.add(f"max {np.dtype(d).name}", "MaxPool", 12, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, [Ramp((1, 2, 5, 5), 3, d)], 2, use="runtime")
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        for s in ((2, 3, 5, 7), (1, 2, 4), (1, 2, 2, 3, 4), (2, 3, 1, 1)):
            f.add(f"{op} {s}", op, 13, {}, [Ramp(s)], use="runtime")
        f.add(f"{op} double", op, 13, {}, [Ramp((1, 2, 3, 3), 1, np.float64)])
    f.write()


def norm():
    f = File("norm")

    def param(n, seed, shift=0.0):
        return ((((np.arange(n) * 29 + seed) % 16) + 1) / 8 + shift).astype(np.float32)

    for opset in (7, 9, 14, 15):
        for s in ((2, 3, 4, 5), (2, 3), (1, 3, 6), (2, 3, 2, 2, 3)):
            p = [param(3, k) for k in range(4)]
            f.add(f"batch {opset} {s}", "BatchNormalization", opset, {"epsilon": 1e-3}, [Ramp(s)] + p, use="runtime" if opset < 14 else "both")
    for s in ((3, 4, 5, 6), (2, 4, 3), (5, 4)):
        for momentum in (0.0, 0.9, 0.5):
            p = [param(4, k) for k in range(4)]
            f.add(f"batch training {s} {momentum}", "BatchNormalization", 15, {"training_mode": 1, "momentum": momentum}, [Ramp(s)] + p, 3)
    for opset in (6, 22):
        for s in ((2, 3, 4, 5), (1, 2, 7), (2, 2, 2, 3, 2)):
            f.add(f"instance {opset} {s}", "InstanceNormalization", max(opset, 7), {"epsilon": 1e-2}, [Ramp(s), param(s[1], 3), param(s[1], 5)], use="reference" if opset == 22 else "both")
    for axis in (0, 1, 2, -1, -2):
        s = (2, 3, 4)
        n = s[axis:] if axis >= 0 else s[3 + axis:]
        f.add(f"layer {axis}", "LayerNormalization", 17, {"axis": axis, "epsilon": 1e-4}, [Ramp(s), param(int(np.prod(n)), 3).reshape(n), param(int(np.prod(n)), 5).reshape(n)], 3)
    f.add("layer without bias", "LayerNormalization", 17, {}, [Ramp((3, 5)), param(5, 3)], 3)
    f.add("layer scalar scale", "LayerNormalization", 17, {"axis": 1}, [Ramp((2, 3, 4)), param(1, 3), param(4, 2)], 3, use="reference")
    f.add("layer scale by row", "LayerNormalization", 17, {"axis": -1}, [Ramp((2, 3, 4)), param(6, 3).reshape(2, 3, 1), param(3, 2).reshape(3, 1)], 3, use="reference")
    f.add("layer double", "LayerNormalization", 17, {}, [Ramp((3, 5), 1, np.float64), param(5, 3).astype(np.float64)], 1, use="reference", rtol=1e-12)
    f.write()


def rows():
    f = File("rows")
    for op in ("Softmax", "LogSoftmax"):
        for opset in (7, 11, 13):
            for axis in (0, 1, 2, -1, -2):
                if opset < 13 and axis < 0:
                    f.add(f"{op} {opset} {axis}", op, 11, {"axis": axis}, [Ramp((2, 3, 4))], use="runtime")
                else:
                    f.add(f"{op} {opset} {axis}", op, opset, {"axis": axis}, [Ramp((2, 3, 4))], use="runtime")
        f.add(f"{op} channels", op, 13, {"axis": 1}, [Ramp((1, 5, 3, 7))], use="runtime")
        f.add(f"{op} default 11", op, 11, {}, [Ramp((2, 3, 4))], use="runtime")
        f.add(f"{op} large", op, 13, {}, [f32(1000, 1001, 900, -1e30, 1002)], use="runtime")
        f.add(f"{op} double", op, 13, {}, [Ramp((3, 5), 1, np.float64)], use="runtime", rtol=1e-12)
    axes = [None, [0], [1], [2], [0, 2], [1, 2], [-1], [0, 1, 2]]
    for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"):
        old = 11
        new = 13 if op == "ReduceSum" else 18
        for a in axes:
            for keep in (0, 1):
                x = Ramp((3, 2, 4), 2)
                attrs = {"keepdims": keep}
                f.add(f"{op} {old} {a} {keep}", op, old, attrs if a is None else dict(attrs, axes=a), [x])
                f.add(f"{op} {new} {a} {keep}", op, new, attrs, [x] if a is None else [x, i64(*a)])
        f.add(f"{op} noop", op, new, {"noop_with_empty_axes": 1}, [Ramp((2, 3)), i64()])
        f.add(f"{op} empty axes", op, new, {"noop_with_empty_axes": 0}, [Ramp((2, 3)), i64()])
        f.add(f"{op} scalar", op, new, {}, [np.array(2.5, np.float32)])
        f.add(f"{op} apart", op, new, {"keepdims": 0}, [Ramp((2, 3, 2, 3, 2)), i64(1, 3)])
        f.add(f"{op} apart too", op, new, {"keepdims": 1}, [Ramp((2, 3, 2, 3, 2)), i64(0, 2, 4)])
        for d in (np.int32, np.int64, np.float64) + ((np.uint8, np.int8) if op in ("ReduceMax", "ReduceMin") else (np.uint32, np.uint64)):
            x = Ramp((2, 3, 5), 5, d)
            want = {"ReduceMean": lambda: (x.value.sum(1) / 3).astype(d) if d != np.float64 else x.value.mean(1),
                    "ReduceSum": lambda: x.value.sum(1, dtype=d), "ReduceMax": lambda: x.value.max(1), "ReduceMin": lambda: x.value.min(1)}[op]()
            f.add(f"{op} {np.dtype(d).name}", op, new, {"keepdims": 0}, [x, i64(1)], use=[want])
    f.add("ReduceMax empty", "ReduceMax", 20, {"keepdims": 1}, [np.zeros((2, 0, 3), np.float32), i64(1)], use=[np.full((2, 1, 3), -np.inf, np.float32)])
    f.add("ReduceMin empty", "ReduceMin", 20, {"keepdims": 0}, [np.zeros((2, 0, 3), np.int32), i64(1)], use=[np.full((2, 3), 2**31 - 1, np.int32)])
    f.add("ReduceMax empty int8", "ReduceMax", 20, {"keepdims": 0}, [np.zeros((2, 0), np.int8), i64(1)], use=[np.full((2,), -128, np.int8)])
    f.add("ReduceSum empty", "ReduceSum", 13, {"keepdims": 0}, [np.zeros((2, 0, 3), np.float32), i64(1, 2)], use=[np.zeros((2,), np.float32)])
    f.add("ReduceMax bool", "ReduceMax", 20, {"keepdims": 0}, [np.array([[True, False], [False, False]]), i64(1)], use=[np.array([True, False])])
    f.add("ReduceMin bool", "ReduceMin", 20, {"keepdims": 0}, [np.array([[True, False], [True, True]]), i64(1)], use=[np.array([False, True])])
    for op in ("ArgMax", "ArgMin"):
        for axis in (0, 1, 2, -1):
            for last in (0, 1):
                for keep in (0, 1):
                    f.add(f"{op} {axis} {last} {keep}", op, 13, {"axis": axis, "select_last_index": last, "keepdims": keep},
                          [((Ramp((3, 4, 5), 3).value * 8) % 3).astype(np.float32)])
        for d in (np.float64, np.int32, np.int64, np.uint8, np.int8):
            x = Ramp((2, 7, 3), 4, d)
            f.add(f"{op} {np.dtype(d).name}", op, 13, {"axis": 1, "keepdims": 0}, [x], use=[(x.value.argmax(1) if op == "ArgMax" else x.value.argmin(1))])
        x = f32(1, np.nan, 5, -5, np.nan)
        f.add(f"{op} NaN", op, 13, {"axis": 0}, [x], use=[np.array([1])])
        f.add(f"{op} last NaN", op, 13, {"axis": 0, "select_last_index": 1}, [x], use=[np.array([4])])
        f.add(f"{op} opset 7", op, 7, {"axis": 1}, [Ramp((3, 4, 2))])
    for largest in (0, 1):
        for axis in (0, 1, -1):
            f.add(f"TopK {largest} {axis}", "TopK", 11, {"axis": axis, "largest": largest}, [((Ramp((3, 4, 5), 3).value * 8) % 5).astype(np.float32), i64(3)], 2)
        for d in (np.int32, np.int64, np.float64):
            f.add(f"TopK {largest} {np.dtype(d).name}", "TopK", 11, {"largest": largest}, [Ramp((2, 9), 4, d), i64(4)], 2)
    f.add("TopK 1", "TopK", 7, {"k": 2}, [Ramp((2, 5))], 2, use="runtime")
    f.add("TopK 10", "TopK", 10, {}, [Ramp((2, 5)), i64(2)], 2)
    f.add("TopK all", "TopK", 11, {"axis": 0}, [Ramp((4, 3)), i64(4)], 2)
    f.add("TopK none", "TopK", 11, {}, [Ramp((4, 3)), i64(0)], 2, use=[np.zeros((4, 0), np.float32), np.zeros((4, 0), np.int64)])
    x = f32(1, np.nan, 5, -5, np.nan)
    f.add("TopK NaN", "TopK", 11, {}, [x, i64(3)], 2, use=[f32(np.nan, np.nan, 5), i64(1, 4, 2)])
    f.add("TopK smallest NaN", "TopK", 11, {"largest": 0}, [x, i64(4)], 2, use=[f32(-5, 1, 5, np.nan), i64(3, 0, 2, 1)])
    for mode in ("DCR", "CRD"):
        f.add(f"DepthToSpace {mode}", "DepthToSpace", 13, {"blocksize": 2, "mode": mode}, [Ramp((2, 8, 2, 3))])
        f.add(f"DepthToSpace {mode} 3", "DepthToSpace", 11, {"blocksize": 3, "mode": mode}, [Ramp((1, 9, 1, 2))])
    f.add("DepthToSpace 1", "DepthToSpace", 7, {"blocksize": 2}, [Ramp((1, 4, 2, 3))], use="runtime")
    f.add("DepthToSpace uint8", "DepthToSpace", 13, {"blocksize": 2}, [Ramp((1, 4, 2, 3), 1, np.uint8)], use="reference")
    f.add("SpaceToDepth", "SpaceToDepth", 13, {"blocksize": 2}, [Ramp((2, 3, 4, 6))])
    f.add("SpaceToDepth 3", "SpaceToDepth", 7, {"blocksize": 3}, [Ramp((1, 2, 3, 6))])
    f.add("SpaceToDepth int64", "SpaceToDepth", 13, {"blocksize": 2}, [Ramp((1, 1, 4, 2), 1, np.int64)], use="reference")
    f.write()


OPS = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "InstanceNormalization",
       "LayerNormalization", "Softmax", "LogSoftmax", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ArgMax",
       "ArgMin", "TopK", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth"}


def nodetests():
    """ONNX's own node tests, as long as they are small (Debian's package, which the oracle tests run, ends at opset 17)."""
    from onnx.backend.test.case.node import collect_testcases
    f = File("nodetests")
    for t in collect_testcases(None):
        g = t.model.graph
        if len(g.node) != 1 or g.node[0].op_type not in OPS:
            continue
        n = g.node[0]
        ins, outs = t.data_sets[0]
        if sum(x.nbytes for x in list(ins) + list(outs)) > 900:
            continue
        given = {v.name: x for v, x in zip(g.input, ins)}
        attrs = {}
        if n.op_type == "SpaceToDepth" and len(n.attribute) > 1:
            continue  # opset 28's mode
        for a in n.attribute:
            v = helper.get_attribute_value(a)
            attrs[a.name] = v.decode() if isinstance(v, bytes) else list(v) if not isinstance(v, (int, float)) else v
        opset = min(26, next(o.version for o in t.model.opset_import if o.domain == ""))
        f.put(t.name, n.op_type, opset, attrs, [np.asarray(given[i]) if i else None for i in n.input], [np.asarray(x) for x in outs], "ONNX", 1e-3, 1e-6)
    f.write()


for make in (resize_nearest, resize_linear, resize_cubic, pool, norm, rows, nodetests):
    make()
