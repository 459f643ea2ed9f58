#!/usr/bin/env python3
"""Writes elementwise_*.json of this folder: one-node cases of the element-wise operators, of Cast and of quantisation,
with what ONNX Runtime and ONNX's reference evaluator make of them.

    pip install onnx==1.23.2 onnxruntime==1.30.0 numpy ml_dtypes; python3 elementwise.py

A case: op, opset, attrs, in, out, by and tol. A tensor is one text, "float[2,3] 1 2.5 nan inf -0 3e-09"; strings follow
as a JSON list. by says whose values the case has: "both" if the two agree, else the one that prefer names, or the only
one that answers. tol is relative, 0 for exact; an element may also be off by tol/10 absolutely. Where the two
differ, a line goes to standard output.

ONNX Runtime and the reference evaluator differ where Clip has an infinite input and no bound on its side (ONNX's text
sides with the former), in integer powers beyond 2^53, in what Cast makes of strings and booleans, in the mask of
Dropout before opset 12, and in DynamicQuantizeLinear of zeros.

Deliberate differences from both: the result of Cast where the value does not fit the type, and the spelling of floats
as strings in scientific notation (any is allowed); no case has those.
"""
import itertools, json, math, os, warnings
import numpy as np
import ml_dtypes
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator
import onnxruntime as ort

warnings.simplefilter("ignore")
np.seterr(all="ignore")
ort.set_default_logger_severity(4)
HERE = os.path.dirname(os.path.abspath(__file__))
BF16 = ml_dtypes.bfloat16
NAMES = {"float": np.float32, "double": np.float64, "float16": np.float16, "bfloat16": BF16, "int8": np.int8,
         "int16": np.int16, "int32": np.int32, "int64": np.int64, "uint8": np.uint8, "uint16": np.uint16,
         "uint32": np.uint32, "uint64": np.uint64, "bool": np.bool_}
NUMBER = {n: helper.np_dtype_to_tensor_dtype(np.dtype(t)) for n, t in NAMES.items()} | {"string": 8}
BACK = {v: k for k, v in NUMBER.items()}
FLOATS = ["float", "double", "float16", "bfloat16"]
SIGNED = ["int8", "int16", "int32", "int64"]
UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
rng = np.random.default_rng(20)


def type_of(x):
    return "string" if x.dtype.kind in "OUST" else BACK[helper.np_dtype_to_tensor_dtype(x.dtype)]


def text(x):
    if x is None:
        return None
    x = np.asarray(x)
    head = f"{type_of(x)}[{','.join(map(str, x.shape))}]"
    if type_of(x) == "string":
        return head + " " + json.dumps([str(s) for s in x.ravel()])
    out = [head]
    for v in x.ravel():
        if x.dtype.kind in "iu":
            out.append(str(int(v)))
        elif x.dtype == np.bool_:
            out.append(str(int(v)))
        else:
            f = float(v)
            if math.isnan(f):
                out.append("nan")
            elif math.isinf(f):
                out.append("inf" if f > 0 else "-inf")
            elif f == 0:
                out.append("-0" if math.copysign(1, f) < 0 else "0")
            elif f == int(f) and abs(f) < 1e6:
                out.append(str(int(f)))
            else:
                s = repr(f) if x.dtype == np.float64 else ("%.9g" % f if x.dtype == np.float32 else "%.6g" % f)
                for digits in range(1, 9):
                    t = f"%.{digits}g" % f
                    if x.dtype.type(float(t)) == v:
                        s = t
                        break
                out.append(s)
    return " ".join(out)


def model(op, opset, attrs, ins, outs):
    names, infos, feed = [], [], {}
    for i, x in enumerate(ins):
        if x is None:
            names.append("")
            continue
        names.append(f"i{i}")
        feed[f"i{i}"] = x
        infos.append(helper.make_tensor_value_info(f"i{i}", NUMBER[type_of(x)], x.shape))
    node = helper.make_node(op, names, [f"o{k}" for k in range(outs)], **attrs)
    graph = helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name=f"o{k}") for k in range(outs)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), feed


def by_runtime(m, feed):
    if any(x.dtype == BF16 for x in feed.values()):
        return None
    try:
        return ort.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)
    except Exception:
        return None


def by_reference(m, feed):
    try:
        return ReferenceEvaluator(m).run(None, feed)
    except Exception:
        return None


def agree(a, b, tol):
    for x, y in zip(a, b):
        x, y = np.asarray(x), np.asarray(y)
        if x.shape != y.shape or type_of(x) != type_of(y):
            return False
        if type_of(x) in FLOATS:
            x, y = x.astype(np.float64), y.astype(np.float64)
            ok = (x == y) | (np.isnan(x) & np.isnan(y)) | (np.abs(x - y) <= tol / 10 + tol * np.abs(y))
            if not ok.all():
                return False
        elif not (x == y).all():
            return False
    return True


cases = []


def case(op, opset, ins, attrs=None, outs=1, tol=0, prefer="ort", want=None):
    """want: outputs that neither engine gives, by numpy."""
    attrs = attrs or {}
    ins = [None if x is None else np.asarray(x) for x in ins]
    if want is not None:
        out, by = want, "numpy"
    else:
        m, feed = model(op, opset, attrs, ins, outs)
        a, b = by_runtime(m, feed), by_reference(m, feed)
        if a is None and b is None:
            raise SystemExit(f"nobody computes {op} {opset} {[text(x) for x in ins]}")
        if a is not None and b is not None:
            if agree(a, b, tol):
                out, by = a, "both"
            else:
                out, by = (a, "ort") if prefer == "ort" else (b, "reference")
                print(f"differ: {op}-{opset} {attrs} {[type_of(x) for x in ins if x is not None]}, taking {by}")
        else:
            out, by = (a, "ort") if a is not None else (b, "reference")
    cases.append({"op": op, "opset": opset, "attrs": attrs, "in": [text(x) for x in ins], "out": [text(np.asarray(x)) for x in out],
                  "by": by, "tol": tol})


def write(name):
    path = os.path.join(HERE, f"elementwise_{name}.json")
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    who = {}
    for c in cases:
        who[c["by"]] = who.get(c["by"], 0) + 1
    print(name, len(cases), who, os.path.getsize(path))
    cases.clear()


def some(t, shape, low=-4, high=4):
    """Numbers with few digits."""
    if t == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if t in FLOATS:
        return (rng.integers(low * 16, high * 16 + 1, shape) / 16).astype(NAMES[t])
    return rng.integers(0 if t in UNSIGNED else low, high + 1, shape).astype(NAMES[t])


def tolerance(t):
    return {"float": 1e-6, "double": 1e-12, "float16": 1e-3, "bfloat16": 8e-3}.get(t, 0)


SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 0.0, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 1e-30, -1e-30, 3e38, -3e38, 88, -88, 104, -104, 17.5]

ERF = np.vectorize(math.erf)
IN_FLOAT64 = {
    "Erf": ERF,
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Gelu": lambda x, approximate="none": 0.5 * x * (1 + (ERF(x / math.sqrt(2)) if approximate == "none" else
                                                      np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
}


def unary():
    exact = {"Relu", "Abs", "Neg", "Floor", "Ceil", "Round", "Sqrt"}
    ops = {"Relu": 14, "LeakyRelu": 16, "HardSwish": 22, "HardSigmoid": 22, "Sigmoid": 13, "Tanh": 13, "Gelu": 20, "Erf": 13,
           "Abs": 13, "Neg": 13, "Sqrt": 13, "Exp": 13, "Log": 13, "Floor": 13, "Ceil": 13, "Round": 22}
    oldest = {"Relu": 7, "LeakyRelu": 7, "HardSwish": 14, "HardSigmoid": 7, "Sigmoid": 7, "Tanh": 7, "Gelu": 20, "Erf": 9,
              "Abs": 7, "Neg": 7, "Sqrt": 7, "Exp": 7, "Log": 7, "Floor": 7, "Ceil": 7, "Round": 11}
    extra = {"LeakyRelu": [{}, {"alpha": 0.25}], "HardSigmoid": [{}, {"alpha": 0.5, "beta": 0.25}],
             "Gelu": [{}, {"approximate": "tanh"}]}
    for op, newest in ops.items():
        for attrs in extra.get(op, [{}]):
            for t in FLOATS:
                x = np.concatenate([np.array(SPECIAL), some("double", 12, -6, 6)]).astype(NAMES[t])
                if op == "Gelu" or t == "bfloat16":
                    # float32 inside the engines loses what is far out, and ONNX's bfloat16 is a chain of roundings.
                    x = x[np.isnan(x) | (np.abs(x) < 3)]
                tol = 0 if op in exact else tolerance(t)
                if op == "Gelu" and t != "double":
                    tol = max(tol, 4e-6)
                if op in ("Gelu", "HardSwish", "HardSigmoid") and t == "bfloat16":
                    tol *= 3
                want = None
                if t == "double" and op in IN_FLOAT64:
                    want = [IN_FLOAT64[op](x, **attrs)]  # the engines' constants have the precision of float32
                case(op, newest, [x], attrs, tol=tol, want=want)
        case(op, oldest[op], [some("float", (2, 3))], tol=0 if op in exact else 4e-6)
    for op in ("Relu", "Abs", "Neg"):
        for t in SIGNED:
            case(op, 14, [np.array([-7, 0, 5, 100], NAMES[t])])
    for t in UNSIGNED:
        case("Abs", 13, [np.array([0, 5, 200], NAMES[t])])
    case("Not", 7, [np.array([[True], [False]])])
    # To half an ulp: numpy in float64.
    x = np.concatenate([rng.normal(0, 3, 40), [0.1, 1, 20, -20]]).astype(np.float32)
    for op, f in {"Exp": np.exp, "Tanh": np.tanh, "Erf": ERF, "Sigmoid": lambda v: 1 / (1 + np.exp(-v))}.items():
        case(op, 13, [x], tol=1.2e-7, want=[f(x.astype(np.float64)).astype(np.float32)])
    case("Gelu", 20, [x], tol=1.2e-7, want=[(x * np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)))(x.astype(np.float64))).astype(np.float32)])
    write("unary")


SHAPES = [((2, 3), (2, 3)), ((2, 3), ()), ((), (2, 3)), ((2, 3, 2), (3, 1)), ((3, 1), (2, 3, 2)), ((1, 3, 1), (2, 1, 2)), ((), ()),
          ((0, 3), (1, 3)), ((4,), (1,))]


def binary():
    arithmetic = ["Add", "Sub", "Mul", "Div"]
    for op in arithmetic + ["Min", "Max"]:
        for k, (a, b) in enumerate(SHAPES):
            case(op, [13, 8, 9][k % 3] if op in ("Min", "Max") else [14, 7, 13][k % 3], [some("float", a), some("float", b) + np.float32(0.03125)])
        for t in FLOATS + SIGNED + UNSIGNED:
            y = some(t, (2, 3), 1, 7)
            if op == "Div":
                y = np.where(y == 0, np.array(1, y.dtype), y)
            case(op, 14 if op in arithmetic else 13, [some(t, (2, 3), -7, 7), y], tol=tolerance(t) if op == "Div" else 0)
        case(op, 14, [np.array(SPECIAL, np.float32), np.array(SPECIAL[::-1], np.float32)])
    case("Div", 14, [np.array([7, -7, 7, -7], np.int32), np.array([2, 2, -2, -2], np.int32)])
    case("Div", 14, [np.array([1, -1, 0], np.float32), np.zeros(3, np.float32)])
    case("Add", 14, [np.array([2**31 - 1, 5], np.int32), np.array([1, 5], np.int32)])
    case("Mul", 14, [np.array([200, 16], np.uint8), np.array([2, 16], np.uint8)])
    for op in ("Min", "Max"):
        case(op, 13, [some("float", (2, 2))])
        case(op, 13, [some("float", (2, 2)), some("float", (2,)), some("float", (3, 1, 1))])
        case(op, 13, [some("int64", (1, 2)), some("int64", (2, 1)), some("int64", ())])
        case(op, 13, [np.array([math.nan, 1], np.float32), np.array([1, math.nan], np.float32), np.array([0, 0], np.float32)])
    for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
        versions = {"Equal": 13, "Less": 13, "Greater": 13}.get(op, 16)
        for a, b in SHAPES:
            case(op, versions, [some("float", a, -1, 1), some("float", b, -1, 1)])
        for t in FLOATS + SIGNED + UNSIGNED + (["bool"] if op == "Equal" else []):
            case(op, versions, [some(t, (2, 4), -1, 1), some(t, (4,), -1, 1)])
        case(op, versions, [np.array(SPECIAL, np.float32), np.array(SPECIAL[::-1], np.float32)])
        case(op, versions, [np.array(SPECIAL, np.float32), np.array(SPECIAL, np.float32)])
    case("Equal", 7, [some("int32", (2, 2), 0, 1), some("int32", (2,), 0, 1)])
    case("Equal", 19, [np.array(["a", "b", ""], object), np.array(["a"], object)])
    for op in ("And", "Or"):
        case(op, 7, [np.array([True, True, False, False]), np.array([True, False, True, False])])
        case(op, 7, [some("bool", (2, 3)), some("bool", (3,))])
    write("binary")


def others():
    for t in FLOATS + ["int32", "int64", "uint32", "uint64"]:
        case("PRelu", 16, [some(t, (2, 3, 2)), some(t, (3, 1))])
    case("PRelu", 7, [np.array(SPECIAL, np.float32), np.array([0.25], np.float32)])
    case("PRelu", 9, [some("float", (2, 2)), some("float", (2, 2))])
    for t in ["float", "double", "float16", "bfloat16", "bool", "int64", "int8", "uint16", "int32"]:
        case("Where", 16, [some("bool", (2, 1, 2)), some(t, (3, 1)), some(t, (2, 3, 2))])
    case("Where", 9, [np.array([[True], [False]]), np.array(["x", "y"], object), np.array("z", object)])
    case("Where", 9, [np.array(True), some("float", ()), some("float", (3,))])
    # Pow
    x = np.array([2, 3, 0.5, 1, 10], np.float32)
    for e in ([2, 3, -1, 0, 0.5], [2, 2, 2, 2, 2], [3, 3, 3, 3, 3], [1.5, -0.5, 7, 0.25, -3]):
        case("Pow", 7, [x, np.array(e, np.float32)], tol=1e-6)
    case("Pow", 15, [np.array([-8, 0, -2, math.inf, math.nan, -0.0, -1], np.float32), np.array([1 / 3, -1, math.inf, -1, 0, 3, math.inf], np.float32)], tol=1e-6)
    case("Pow", 15, [some("float", (2, 3), 1, 4), some("float", (2, 1))], tol=1e-6)
    for t in FLOATS:
        case("Pow", 15, [some(t, (4,), 1, 4), some(t, (4,), -2, 2)], tol=max(1e-6, tolerance(t)))
    for b in ("int32", "int64"):
        for e in SIGNED + UNSIGNED:
            case("Pow", 15, [np.array([1, -2, 3, 0], NAMES[b]), np.array([4, 3, 5, 0], NAMES[e])])
        case("Pow", 15, [np.array([2, 3, 10, 9], NAMES[b]), np.array([0.5, 1.5, -1, 0.5], np.float32)])
    for b in ("float", "double"):
        for e in ("int32", "int64", "uint8"):
            case("Pow", 15, [some(b, (4,), 1, 4), np.array([3, 2, 0, 5], NAMES[e])], tol=1e-6)
    case("Pow", 15, [np.array([3, -3, 2, 7], np.int64), np.array([39, 41, 63, 30], np.int64)], prefer="reference")
    case("Pow", 15, [np.array([3, 2], np.int32), np.array([40, 31], np.int64)], prefer="reference")
    # Clip
    v = np.array(SPECIAL, np.float32)
    lo, hi = np.array(-1, np.float32), np.array(2, np.float32)
    for a, b in ((None, None), (lo, None), (None, hi), (lo, hi), (hi, lo)):
        case("Clip", 11, [v, a, b])
    case("Clip", 12, [v, np.array([0], np.float32), np.array([6], np.float32)])
    case("Clip", 13, [v, np.array(math.nan, np.float32), hi], want=[np.where(v > 2, np.float32(2), v)])
    for t in FLOATS + SIGNED + UNSIGNED:
        x = some(t, (3, 2), -4, 9)
        case("Clip", 13, [x, np.array(2, x.dtype), np.array(5, x.dtype)])
        case("Clip", 13, [x, None, np.array(5, x.dtype)])
    for attrs in ({}, {"min": -1.0}, {"max": 2.0}, {"min": -1.0, "max": 2.0}, {"min": 2.0, "max": -1.0}):
        case("Clip", 10, [v], attrs)
        case("Clip", 7, [v.astype(np.float64)], attrs, want=[np.minimum(np.maximum(v.astype(np.float64), np.float32(attrs.get("min", -3.4028234663852886e38))), np.float32(attrs.get("max", 3.4028234663852886e38)))])
    case("Clip", 13, [np.array([math.inf, -math.inf, 1], np.float16), None, None], want=[np.array([65504, -65504, 1], np.float16)])
    # Dropout
    case("Dropout", 7, [v], {"ratio": 0.3})
    x = some("float16", (2, 3))
    case("Dropout", 7, [x], outs=2, want=[x, np.ones_like(x)])  # the mask has the data's type
    case("Dropout", 10, [some("float", (2, 3))], outs=2, prefer="reference")
    case("Dropout", 13, [some("double", (2, 3)), np.array(0.5, np.float32)], outs=2)
    case("Dropout", 13, [some("float", (2, 3)), None, np.array(False)], outs=2)
    case("Dropout", 13, [some("float", (2, 3)), np.array(0, np.float32), np.array(True)], outs=2)
    write("others")


def cast():
    values = {"float": [0, -0.0, 1, 1.5, 2.75, 100.9, 1e-8, 65519, 65520, 3e38, math.inf, math.nan, -1.9, -100],
              "double": [0, 1, 1.5, 2.75, 100.9, 1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 65519.999999, 65520, 1e-8,
                         2.98e-8, 5.960464477539063e-08, 1e300, -1e39, math.inf, math.nan, -1.9, 2.0**-25 * (1 + 2.0**-50)],
              "bool": [0, 1]}
    for i in range(8, 65, 8):
        if i in (8, 16, 32, 64):
            values[f"int{i}"] = [0, 1, -1, 100, -2**(i - 1), 2**(i - 1) - 1, 77]
            values[f"uint{i}"] = [0, 1, 100, 2**i - 1, 2**(i - 1), 77]
    values["float16"] = [0, 1.5, -2.75, 65504, 6e-8, math.inf, math.nan]
    values["bfloat16"] = [0, 1.5, -2.75, 65504, 6e-8, 3e38, math.inf, math.nan]
    for s, t in itertools.product(values, values):
        x = np.array(values[s], NAMES[s])
        if s in FLOATS and t not in FLOATS + ["bool"]:
            lo, hi = np.iinfo(NAMES[t]).min, np.iinfo(NAMES[t]).max
            f = x.astype(np.float64)
            x = x[(f > max(lo - 1, -1e18)) & (f < min(hi, 1e18))]
        want = None
        if "bfloat16" in (s, t) or (s, t) == ("double", "float16"):
            want = [x.astype(NAMES[t])]  # the engines round by way of float32
            if t == "bfloat16" and s == "double":
                want = [x.astype(np.float32).astype(BF16)]
        case("Cast", 13, [x], {"to": NUMBER[t]}, want=want)
    for t in ("float", "double", "float16"):
        case("Cast", 9, [np.array(["1", "-2.5", "1e3", "NaN", "INF", "-inf", "+INF", "nan", " 7 "], object)], {"to": NUMBER[t]},
             want=[np.array([1, -2.5, 1000, math.nan, math.inf, -math.inf, math.inf, math.nan, 7], NAMES[t])])
    for t in SIGNED + UNSIGNED:
        case("Cast", 19, [np.array(["1", "0", "127", "30"], object)], {"to": NUMBER[t]})
    case("Cast", 13, [np.array(["-9223372036854775808", "9223372036854775807"], object)], {"to": 7})
    case("Cast", 13, [np.array(["18446744073709551615"], object)], {"to": 13})
    case("Cast", 13, [np.array(["100.5", "-100.5", "1e2"], object)], {"to": 7}, want=[np.array([100, -100, 100])])
    case("Cast", 13, [np.array(["0", "1"], object)], {"to": 9})
    case("Cast", 13, [np.array(["a", ""], object)], {"to": 8}, want=[np.array(["a", ""], object)])
    for t in SIGNED + UNSIGNED:
        case("Cast", 13, [np.array([0, 5, 100], NAMES[t])], {"to": 8})
    case("Cast", 13, [np.array([True, False])], {"to": 8})
    case("Cast", 13, [np.array([1.5, -0.25, 0.1, 123.456, math.nan, math.inf, -math.inf], np.float32)], {"to": 8})
    case("Cast", 13, [np.array([1.5, -0.25, 0.1, 123.456], np.float64)], {"to": 8})
    write("cast")


def quantize():
    x = np.concatenate([np.array([math.inf, -math.inf, -0.0, 0.25, 0.75, 1.25, -0.25, 1000, -1000], np.float32), some("float", 15, -40, 40)])
    half = np.array(0.5, np.float32)
    for t in ("uint8", "int8", "uint16", "int16"):
        opset = 21 if t.endswith("16") else 10
        y = np.array(3, NAMES[t])
        info = np.iinfo(NAMES[t])
        with_inf = np.clip(np.rint(x / half) + 3, info.min, info.max).astype(NAMES[t])
        case("QuantizeLinear", opset, [x, half, y], want=[with_inf])
        f = x[2:].reshape(2, 11)
        case("QuantizeLinear", opset, [f, half, y])
        if opset == 21:
            case("QuantizeLinear", 21, [f, half], {"output_dtype": NUMBER[t]})
        case("DequantizeLinear", opset, [some(t, (2, 5), -100, 100), half, y])
        case("DequantizeLinear", opset, [some(t, (2, 5), -100, 100), half])
    f = some("float", (2, 3, 4), -40, 40)
    scales = np.array([0.5, 0.25, 2], np.float32)
    for t in ("uint8", "int8"):
        zero = np.array([1, 2, 3], NAMES[t])
        case("QuantizeLinear", 10, [f, half])
        case("QuantizeLinear", 13, [f, half])
        case("QuantizeLinear", 13, [f, scales, zero])
        case("QuantizeLinear", 13, [f, scales, zero], {"axis": -2})
        case("QuantizeLinear", 13, [np.moveaxis(f, 1, 2).copy(), scales, zero], {"axis": 2})
        case("QuantizeLinear", 19, [np.moveaxis(f, 1, 0).copy(), scales, zero], {"axis": 0})
        q = some(t, (2, 3, 4), -100, 100)
        case("DequantizeLinear", 13, [q, scales, zero])
        case("DequantizeLinear", 13, [np.moveaxis(q, 1, 2).copy(), scales, zero], {"axis": -1})
        case("DequantizeLinear", 19, [np.moveaxis(q, 1, 0).copy(), scales, zero], {"axis": 0})
        case("QuantizeLinear", 13, [np.array([1.0, -3.0, 4], np.float32), scales, zero], {"axis": 0})
        case("QuantizeLinear", 13, [f, np.array([0.5], np.float32), np.array([7], NAMES[t])])
        # Blocks along each axis; 3 is not a multiple of 2, nor 5 of 3.
        for axis, block in ((0, 1), (0, 2), (1, 2), (1, 3), (2, 2), (2, 4), (-1, 3)):
            shape = list(f.shape)
            shape[axis] = -(-shape[axis] // block)
            s, z = (some("float", shape, 1, 4) + np.float32(0.5)).astype(np.float32), some(t, shape, 0, 9)
            case("QuantizeLinear", 21, [f, s, z], {"axis": axis, "block_size": block}, prefer="reference")
            case("DequantizeLinear", 21, [q, s, z], {"axis": axis, "block_size": block}, prefer="reference")
        row = some("float", (5,), -40, 40)
        case("QuantizeLinear", 21, [row, np.array([1, 2], np.float32), np.array([0, 1], NAMES[t])], {"axis": 0, "block_size": 3}, prefer="reference")
    case("DequantizeLinear", 13, [np.array([-70000, 5, 2**24 + 1], np.int32), half])
    case("DequantizeLinear", 13, [some("int32", (2, 3), -1000, 1000), scales], {"axis": 1})
    case("QuantizeLinear", 13, [np.array([-1000, 5, 7, 1001, 3], np.int32), np.array(2, np.float32), np.array(3, np.int8)])
    for t in ("float16", "bfloat16"):
        h = some(t, (2, 3, 4), -40, 40)
        s = scales.astype(NAMES[t])
        case("QuantizeLinear", 19, [h, s, np.array([1, 2, 3], np.int8)])
        case("DequantizeLinear", 19, [q, s, np.array([1, 2, 3], np.int8)], prefer="reference")
        case("QuantizeLinear", 23, [some("float", (2, 3, 4), -40, 40), s, np.array([1, 2, 3], np.int8)], {"precision": NUMBER[t]}, prefer="reference")
        case("QuantizeLinear", 23, [h, scales, np.array([1, 2, 3], np.int8)], {"precision": 1}, prefer="reference")
        case("DequantizeLinear", 23, [q, scales, np.array([1, 2, 3], np.int8)], {"output_dtype": NUMBER[t]}, prefer="reference")
    case("DequantizeLinear", 23, [q, scales])
    case("QuantizeLinear", 25, [f, scales])
    for v in ([0, 0, 0], [1, 2, 3], [-1, -2, -3], [-1.5, 0.25, 2.75, 1.1], [1e-30, 0]):
        case("DynamicQuantizeLinear", 11, [np.array(v, np.float32)], outs=3)
    case("DynamicQuantizeLinear", 11, [some("float", (3, 4, 2), -7, 3)], outs=3)
    write("quantize")


unary()
binary()
others()
cast()
quantize()
