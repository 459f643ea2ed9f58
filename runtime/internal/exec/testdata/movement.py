#!/usr/bin/env python3
"""Writes movement.json, movement_random.json and movement_nodes.json of this folder: one-node cases of the operators that move elements or
make shapes (Concat, Split, Slice, Gather, Pad, Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Expand, Tile, Shape, Size,
Constant, ConstantOfShape, Range, Identity) with what ONNX Runtime and ONNX's reference evaluator make of them, and
ONNX's own node tests of these operators as the package generates them, up to its newest operator set.

    pip install onnx==1.23.2 onnxruntime==1.30.0 numpy; python3 movement.py

A case that the two answer differently stops the script, unless it says whom to believe ("prefer"): numpy.pad repeats a
margin wider than the axis from the end that is near, ONNX Runtime's wrap does not, and its reflect refuses; only
ONNX Runtime takes negative pads; and Slice backwards from before the first element is one element by ONNX's text (the
start is clamped to 0) and in ONNX Runtime, but none in NumPy. "by" names who answered. The form is that of windowed.py, with tensor attributes in
"tensors".
"""
import json, os, random, warnings
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
NEWEST = 26  # the newest operator set that this project reads
F, D, H = np.float32, np.float64, np.float16
I64 = lambda *v: np.array(v, np.int64)
I32 = lambda *v: np.array(v, np.int32)


class Ramp:
    def __init__(self, shape, seed=1, dtype=F):
        self.shape, self.seed = list(shape), seed
        n = (np.arange(int(np.prod(shape)), dtype=np.int64) * 37 + 11 * seed) % 64
        if np.issubdtype(dtype, np.floating):
            n = n / 8 - 4
        self.value = n.astype(dtype).reshape(shape)


def value(x):
    return x.value if isinstance(x, Ramp) else np.asarray(x)


def number(v):
    if isinstance(v, (bool, np.bool_)):
        return bool(v)
    if isinstance(v, (int, np.integer)):
        return int(v)
    short = float("%.9g" % float(v))
    return int(short) if short == int(short) else short


def encode(x):
    if x is None:
        return None
    a = value(x)
    t = {"t": NAMES[helper.np_dtype_to_tensor_dtype(a.dtype)], "s": list(a.shape)}
    if isinstance(x, Ramp):
        t["r"] = x.seed
    else:
        t["d"] = [number(v) for v in a.ravel()]
    return t


def answers(op, opset, attrs, inputs, outputs):
    names, infos, feed = [], [], {}
    for i, x in enumerate(inputs):
        names.append("" if x is None else f"i{i}")
        if x is not None:
            a = value(x)
            infos.append(helper.make_tensor_value_info(f"i{i}", helper.np_dtype_to_tensor_dtype(a.dtype), a.shape))
            feed[f"i{i}"] = a
    outs = [f"o{i}" for i in range(outputs)]
    node = helper.make_node(op, names, outs, **attrs)
    model = helper.make_model(
        helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name=o) for o in outs]),
        opset_imports=[helper.make_opsetid("", opset)], ir_version=min(10, 3 + opset // 3 if opset < 21 else 10))
    for o in model.graph.output:
        o.type.tensor_type.elem_type = 0
    result = {}
    try:
        typed = onnx.shape_inference.infer_shapes(model)
        result["ort"] = ort.InferenceSession(typed.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)
    except Exception as e:
        result["ort"] = str(e)
    try:
        result["onnx"] = ReferenceEvaluator(model).run(None, feed)
    except Exception as e:
        result["onnx"] = str(e)
    return result


cases, skipped = [], []


def same(a, b):
    return len(a) == len(b) and all(x.dtype == y.dtype and x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a, b))


def case(op, opset, inputs, outputs=1, prefer=None, tensors=None, **attrs):
    full = dict(attrs)
    for k, v in (tensors or {}).items():
        full[k] = numpy_helper.from_array(v)
    got = answers(op, opset, full, inputs, outputs)
    good = {k: v for k, v in got.items() if not isinstance(v, str)}
    name = f"{len(cases)}"
    if prefer:
        if prefer not in good:
            raise SystemExit(f"{op} {opset} {attrs}: {got}")
        by, out = prefer, good[prefer]
    elif len(good) == 2:
        if not same(good["ort"], good["onnx"]):
            raise SystemExit(f"{op} {opset} {attrs} {[value(x) for x in inputs]}: {good}")
        by, out = "both", good["ort"]
    elif good:
        (by, out), = good.items()
        skipped.append((op, opset, attrs, by, [v[:160] for v in got.values() if isinstance(v, str)][0]))
    else:
        raise SystemExit(f"{op} {opset} {attrs}: {got}")
    c = {"name": name, "op": op, "opset": opset, "attrs": attrs, "in": [encode(x) for x in inputs],
         "out": [encode(np.asarray(x)) for x in out], "by": by}
    if tensors:
        c["tensors"] = {k: encode(v) for k, v in tensors.items()}
    cases.append(c)


TYPES = [F, D, H, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, bool]


def handwritten():
    for t in TYPES:
        case("Concat", 13, [Ramp([2, 1, 3], 1, t), Ramp([2, 2, 3], 2, t)], axis=1)
        case("Transpose", 13, [Ramp([2, 3, 4], 3, t)], perm=[2, 0, 1])
        case("Slice", 13, [Ramp([3, 5], 4, t), I64(4), I64(0), I64(1), I64(-2)])
    for opset in (7, 11, 13):
        case("Concat", opset, [Ramp([3]), Ramp([0]), Ramp([2], 5)], axis=0)
    case("Concat", 11, [Ramp([1, 2, 3, 4]), Ramp([1, 5, 3, 4], 2), Ramp([1, 1, 3, 4], 3)], axis=-3)
    # Split
    case("Split", 7, [Ramp([6, 2])], 3)
    case("Split", 7, [Ramp([2, 7])], 2, axis=1, split=[3, 4])
    case("Split", 11, [Ramp([2, 6])], 3, axis=-1, split=[1, 0, 5])
    case("Split", 13, [Ramp([2, 6, 2]), I64(2, 4)], 2, axis=1)
    case("Split", 13, [Ramp([2, 6, 2])], 2, axis=1)
    case("Split", 18, [Ramp([7, 2])], 3, num_outputs=3)
    case("Split", 18, [Ramp([6, 2])], 3, num_outputs=3)
    case("Split", 18, [Ramp([0, 2])], 2, num_outputs=2)
    case("Split", 18, [Ramp([5, 2]), I64(5, 0)], 2, axis=-2)
    # Slice
    case("Slice", 7, [Ramp([5, 6])], axes=[1, 0], starts=[1, -3], ends=[-1, 100])
    case("Slice", 7, [Ramp([5, 6])], starts=[0, 2], ends=[2, 2147483647])
    case("Slice", 7, [Ramp([5, 6])], starts=[4], ends=[2], axes=[0])
    big, small = (1 << 63) - 1, -(1 << 63)
    for opset in (10, 11, 13):
        case("Slice", opset, [Ramp([5, 6]), I64(0, 0), I64(3, 10)])
        case("Slice", opset, [Ramp([5, 6]), I32(1), I32(2147483647), I32(1), I32(2)])
    for start, end, step in [(0, big, 1), (big, small, -1), (small, big, 3), (-1, small, -1), (3, small, -2), (0, big, big),
                             (9, -100, -3), (5, 2, 1), (2, 5, -1), (-3, -1, 1), (4, 0, -1), (100, 200, 1), (-100, 2, 1), (7, 0, small)]:
        case("Slice", 13, [Ramp([7]), I64(start), I64(end), None, I64(step)], prefer="onnx" if step in (big, small) else None)
    case("Slice", 13, [Ramp([4, 5, 6]), I64(-1, 0), I64(small, 4), I64(-1, 0), I64(-1, 3)])
    case("Slice", 13, [Ramp([0, 3]), I64(0), I64(1), I64(0)])
    # Gather
    for ind in (np.int32, np.int64):
        case("Gather", 13, [Ramp([4, 3]), np.array([[0, -1], [3, -4]], ind)], axis=0)
        case("Gather", 11, [Ramp([2, 4, 3]), np.array([2, 0, -3], ind)], axis=1)
        case("Gather", 7, [Ramp([2, 4]), np.array(1, ind)], axis=1)
    case("Gather", 13, [Ramp([3, 2], 1, np.int64), np.zeros((0,), np.int64)], axis=0)
    case("Gather", 13, [Ramp([5], 1, np.uint8), np.array([-5, 4], np.int64)])
    # Pad
    x = Ramp([3, 4])
    case("Pad", 7, [x], mode="constant", pads=[1, 0, 2, 3], value=1.5)
    case("Pad", 7, [Ramp([3, 4], 1, D)], mode="constant", pads=[1, 0, 2, 3], value=-2.5, prefer="ort")
    for opset in (7, 11, 13, 18, 19, 21, 24):
        for mode in ("constant", "reflect", "edge") + (("wrap",) if opset >= 19 else ()):
            if opset == 7:
                case("Pad", opset, [x], mode=mode, pads=[1, 2, 0, 3])
            else:
                case("Pad", opset, [x, I64(1, 2, 0, 3)], mode=mode)
    case("Pad", 18, [x, I64(1, 2), np.float32(7), I64(-1)])
    case("Pad", 18, [Ramp([2, 3, 4]), I64(1, 0, 0, 2), None, I32(2, 0)], mode="edge")
    case("Pad", 13, [x, I64(0, -1, 0, -2)], prefer="ort")
    case("Pad", 13, [x, I64(-1, 2, 1, -3), np.float32(5)], prefer="ort")
    case("Pad", 13, [Ramp([4]), I64(-5, 3)], prefer="ort")
    for mode in ("edge", "wrap"):
        for before, after in ((-1, 3), (3, -1), (-1, 7), (2, 2)):
            case("Pad", 19, [Ramp([4]), I64(before, after)], mode=mode, prefer="ort")
    for before, after in ((-1, 2), (2, -1)):
        case("Pad", 19, [Ramp([4]), I64(before, after)], mode="reflect", prefer="ort")
    for mode in ("edge", "wrap", "reflect"):
        case("Pad", 19, [Ramp([3]), I64(8, 7)], mode=mode, prefer="onnx")
        case("Pad", 19, [Ramp([1, 2]), I64(2, 1, 3, 0)], mode=mode, prefer="onnx")
    for t in (np.int32, np.int64, np.uint8, np.int8, D, bool):
        case("Pad", 13, [Ramp([2, 3], 2, t), I64(1, 1, 0, 2), np.array(1, t)])
    case("Pad", 13, [Ramp([2, 3], 2, H), I64(1, 1, 0, 2), np.array(1, H)])
    case("Pad", 13, [Ramp([0, 3]), I64(1, 1, 1, 0), np.float32(3)])
    case("Pad", 13, [Ramp([1, 3, 6, 5]), I64(0, 0, 2, 1, 0, 0, 1, 2)], mode="reflect")
    # Reshape and its kin
    for shape, opset in [([4, 6], 7), ([-1], 7), ([0, -1], 13), ([2, 0, 0], 13), ([0, 0, 2, 2, 1], 14), ([3, -1, 2], 21), ([1, 24], 25)]:
        case("Reshape", opset, [Ramp([2, 3, 4]), I64(*shape)])
    case("Reshape", 14, [Ramp([0, 3]), I64(3, 0)], allowzero=1)
    case("Reshape", 13, [Ramp([1], 2, np.int64), np.zeros((0,), np.int64)])
    case("Reshape", 13, [Ramp([6], 2, bool), I64(2, -1)])
    for axis, opset in [(1, 7), (0, 9), (3, 11), (-1, 13), (-3, 21)]:
        case("Flatten", opset, [Ramp([2, 3, 4])], axis=axis)
    case("Flatten", 13, [Ramp([0, 3, 4])])
    case("Flatten", 13, [Ramp([])], axis=0)
    case("Squeeze", 7, [Ramp([1, 3, 1, 2])], axes=[0, 2])
    case("Squeeze", 11, [Ramp([1, 3, 1, 2])], axes=[-2])
    case("Squeeze", 11, [Ramp([1, 3, 1, 2])])
    case("Squeeze", 13, [Ramp([1, 3, 1, 2]), I64(0, -2)])
    case("Squeeze", 21, [Ramp([1, 1])])
    case("Unsqueeze", 7, [Ramp([3, 2])], axes=[0, 3])
    case("Unsqueeze", 11, [Ramp([3, 2])], axes=[-1, 1])
    case("Unsqueeze", 13, [Ramp([3, 0]), I64(1, -1, 0)])
    case("Unsqueeze", 23, [Ramp([], 1, np.int64), I64(0)])
    for t in (F, np.int64, bool):
        case("Identity", 16, [Ramp([2, 2], 3, t)])
    for perm in ([0, 2, 3, 1], [0, 3, 1, 2], [3, 2, 1, 0], [1, 0, 3, 2], [0, 1, 3, 2]):
        case("Transpose", 13, [Ramp([2, 3, 4, 5])], perm=perm)
    case("Transpose", 7, [Ramp([2, 3, 4])])
    case("Transpose", 13, [Ramp([0, 3])])
    case("Transpose", 13, [Ramp([])])
    # Expand, Tile
    for t, shape, opset in [([3, 1], [2, 1, 6], 8), ([3, 1], [3, 4], 13), ([2, 3], [1, 1], 13), ([1], [0], 13), ([], [2, 2], 13), ([2, 1, 3], [3], 13)]:
        case("Expand", opset, [Ramp(t), I64(*shape)])
    case("Expand", 13, [Ramp([1, 3], 1, bool), I64(2, 1)])
    for shape, reps, opset in [([2, 3], [2, 1], 7), ([2, 3], [1, 3], 13), ([2, 1, 2], [3, 2, 2], 13), ([2], [0], 13), ([], [], 13)]:
        case("Tile", opset, [Ramp(shape), I64(*reps)])
    case("Tile", 13, [Ramp([2, 2], 1, np.uint8), I64(1, 2)])
    # Shape, Size
    case("Shape", 7, [Ramp([2, 0, 3])])
    case("Shape", 13, [Ramp([])])
    for start, end in [(1, None), (-2, None), (0, -1), (-100, 100), (2, 1), (None, 2)]:
        case("Shape", 15, [Ramp([2, 3, 4])], **{k: v for k, v in (("start", start), ("end", end)) if v is not None})
    case("Size", 7, [Ramp([2, 0, 3])])
    case("Size", 13, [Ramp([2, 5, 3], 1, np.uint8)])
    case("Size", 21, [Ramp([])])
    # Constant, ConstantOfShape, Range
    for opset in (7, 9, 13, 25):
        case("Constant", opset, [], tensors={"value": np.array([[1.5, 2]], F)})
    case("Constant", 9, [], tensors={"value": np.array([3, -1], np.int64)})
    case("Constant", 13, [], value_int=-7)
    case("Constant", 12, [], value_ints=[4, 5])
    case("Constant", 13, [], value_float=0.25)
    case("Constant", 13, [], value_floats=[0.5, -1.5])
    case("ConstantOfShape", 9, [I64(2, 3)])
    for t in (F, D, np.int8, np.int32, np.int64, bool, np.uint64):
        case("ConstantOfShape", 9, [I64(3, 1)], tensors={"value": np.array([1], t)})
    case("ConstantOfShape", 20, [np.zeros((0,), np.int64)], tensors={"value": np.array([4], np.int64)})
    case("ConstantOfShape", 13, [I64(0, 2)])
    S = lambda v, t: np.array(v, t)
    for a, b, c, t in [(0, 5, 1, np.int64), (10, 0, -3, np.int64), (3, 3, 1, np.int64), (5, 0, 1, np.int32), (-4, 9, 4, np.int16),
                       (0, 1, .1, D), (1, 2, .3, F), (2, -1, -.5, F), (0, 10, 3, F)]:
        # Neither says how to round: ONNX Runtime adds up, NumPy multiplies as ONNX's text does.
        case("Range", 11, [S(a, t), S(b, t), S(c, t)], prefer="onnx" if c in (.1, .3) else None)


def randomly():
    rng = random.Random(7)
    for _ in range(40):  # Slice
        shape = [rng.randint(0, 5) for _ in range(rng.randint(1, 4))]
        axes = rng.sample(range(len(shape)), rng.randint(1, len(shape)))
        pick = lambda k: [rng.randint(-7, 7) for _ in axes]
        steps = [rng.choice([-3, -2, -1, 1, 1, 2, 5]) for _ in axes]
        axes = [a - len(shape) if rng.random() < .3 else a for a in axes]
        case("Slice", 13, [Ramp(shape, rng.randint(0, 63)), I64(*pick(0)), I64(*pick(1)), I64(*axes), I64(*steps)], prefer="ort")
    for _ in range(25):  # Transpose
        shape = [rng.randint(1, 4) for _ in range(rng.randint(2, 5))]
        case("Transpose", 13, [Ramp(shape, rng.randint(0, 63))], perm=rng.sample(range(len(shape)), len(shape)))
    for _ in range(15):  # Gather
        shape = [rng.randint(1, 4) for _ in range(rng.randint(1, 3))]
        axis = rng.randrange(len(shape))
        idx = np.array([rng.randint(-shape[axis], shape[axis] - 1) for _ in range(4)], np.int64).reshape(rng.choice([[4], [2, 2], [1, 4, 1]]))
        case("Gather", 13, [Ramp(shape, rng.randint(0, 63)), idx], axis=rng.choice([axis, axis - len(shape)]))
    for _ in range(25):  # Pad
        shape = [rng.randint(2, 4) for _ in range(rng.randint(1, 3))]
        mode = rng.choice(["constant", "reflect", "edge", "wrap"])
        pads = [rng.randint(0, 1) for _ in range(2 * len(shape))]
        case("Pad", 19, [Ramp(shape, rng.randint(0, 63)), I64(*pads)], mode=mode)
    for _ in range(12):  # Concat, Expand, Tile
        shape = [rng.randint(1, 3) for _ in range(rng.randint(1, 4))]
        axis = rng.randrange(len(shape))
        ins = []
        for k in range(rng.randint(1, 4)):
            s = list(shape)
            s[axis] = rng.randint(0, 3)
            ins.append(Ramp(s, k))
        case("Concat", 13, ins, axis=axis)
        case("Tile", 13, [Ramp(shape), I64(*[rng.randint(1, 3) for _ in shape])])
        thin = [d if rng.random() < .5 else 1 for d in shape]
        case("Expand", 13, [Ramp(thin, 5), I64(*([2] + shape))])


def write(name, list):
    path = os.path.join(HERE, name + ".json")
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in list) + "\n]\n")
    print(f"{name}: {len(list)} cases, {os.path.getsize(path)} bytes")


OPS = """Concat Split Slice Gather Pad Reshape Flatten Squeeze Unsqueeze Transpose Expand Tile Shape Size Constant
ConstantOfShape Range Identity""".split()


def nodetests():
    from onnx.backend.test.case.node import collect_testcases
    out, left = [], []
    everything = collect_testcases("")
    for op in OPS:
        for c in everything:
            g = c.model.graph
            n = g.node[0]
            opset = [o.version for o in c.model.opset_import if o.domain == ""]
            if len(g.node) != 1 or n.op_type != op or opset[0] > NEWEST:
                continue
            ins, outs = c.data_sets[0]
            attrs, tensors = {}, {}
            for a in n.attribute:
                v = helper.get_attribute_value(a)
                if a.type == a.TENSOR:
                    tensors[a.name] = encode(numpy_helper.to_array(v))
                else:
                    attrs[a.name] = v.decode() if isinstance(v, bytes) else list(v) if hasattr(v, "__len__") else v
            feed = iter(ins)
            try:
                d = {"name": c.name, "op": op, "opset": opset[0], "attrs": attrs, "in": [encode(next(feed)) if i else None for i in n.input],
                     "out": [encode(np.asarray(o)) for o in outs], "by": "ONNX's node test"}
            except Exception as e:
                left.append(f"{c.name}: {e}"[:120])
                continue
            if tensors:
                d["tensors"] = tensors
            text = json.dumps(d)
            if len(text) > 6000:
                left.append(f"{c.name}: {len(text)} bytes")
                continue
            out.append(d)
    write("movement_nodes", out)
    print("left out:", *left, sep="\n  ")


handwritten()
write("movement", cases)
cases.clear()
randomly()
write("movement_random", cases)
print("answered by one only:", *skipped, sep="\n  ")
nodetests()
