#!/usr/bin/env python3
"""Fixtures of text_test.go and parse_test.go, from onnx 1.23.2 (pip install onnx==1.23.2).

    python3 text.py models             writes format/*.onnx, the models that Format prints
    go test .. -run Format -update     writes format/*.txt and format/*.short.txt from them
    python3 text.py parse              writes X.parsed.onnx for each format/X.txt and parse/X.txt: what onnx.parser reads
"""
import pathlib
import sys

import numpy as np
import onnx
import onnx.parser
from onnx import AttributeProto, TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(1)


def vi(name, shape, elem=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, elem, shape)


def model(graph, opset=17, ir=8, **kw):
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir, **kw)
    m.producer_name = "text.py"
    return m


def net():
    w = RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)
    inits = [numpy_helper.from_array(w, "stem/conv.weight")]
    inits += [numpy_helper.from_array(RNG.random(4).astype(np.float32), n) for n in ("scale", "bias", "mean", "var")]
    inits += [numpy_helper.from_array(np.array([1, 4, 0], np.int64), "shape")]
    nodes = [
        helper.make_node("Conv", ["images", "stem/conv.weight"], ["c"], "stem/conv", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "scale", "bias", "mean", "var"], ["b"], epsilon=1e-3),
        helper.make_node("Clip", ["b", "", "six"], ["k"], 'odd "name" with \\'),
        helper.make_node("Reshape", ["k", "shape"], ["logits"], "last"),
    ]
    inits.append(numpy_helper.from_array(np.float32(6), "six"))
    g = helper.make_graph(
        nodes, "net", [vi("images", ["N", 3, 9, 9])], [vi("logits", [None, 4, 25])], inits,
        value_info=[vi("c", ["N", 4, 5, 5]), vi("b", ["batch size", 4, None, 5])])
    m = model(g)
    m.producer_version = "1"
    m.domain = "org.example"
    m.model_version = 3
    m.doc_string = 'two lines\nand "quotes"'
    helper.set_model_props(m, {"classes": "road,sky", "note": "back\\slash"})
    return m


def dtypes():
    inits = []
    numeric = {
        "float": np.float32([0, -0.0, 1.5, -3.25e-30, 3.4e38, np.inf, -np.inf, np.nan, 1e-45, 16777216]),
        "double": np.float64([0.1, -1e300, 5e-324, 123456789.125]), "int64": np.int64([-2**63, 2**63 - 1, 0]),
        "uint64": np.uint64([0, 2**64 - 1]), "int32": np.int32([-2**31, 2**31 - 1]),
        "uint32": np.uint32([0, 2**32 - 1]), "int16": np.int16([-32768, 32767]), "uint16": np.uint16([0, 65535]),
        "int8": np.int8([-128, 127]), "uint8": np.uint8([0, 255]), "bool": np.array([True, False, True]),
        "float16": np.float16([1, -2.5, 65504, np.inf]),
    }
    for name, a in numeric.items():
        inits.append(numpy_helper.from_array(a, name + "_raw"))
        t = helper.np_dtype_to_tensor_dtype(a.dtype)
        inits.append(helper.make_tensor(name + "_typed", t, a.shape, a.tolist()))
    inits.append(helper.make_tensor("bfloat16_typed", TensorProto.BFLOAT16, [3], [1.0, -2.0, 3.14159]))
    inits.append(helper.make_tensor("text", TensorProto.STRING, [2], [b'a "quoted" word', b"back\\slash"]))
    inits.append(helper.make_tensor("complex", TensorProto.COMPLEX64, [2], [1 + 2j, -0.5j]))
    inits.append(numpy_helper.from_array(np.float32(7), "scalar"))
    inits.append(numpy_helper.from_array(np.zeros((0, 3), np.float32), "empty"))
    inits.append(numpy_helper.from_array(np.int64([]), "none"))
    inits.append(numpy_helper.from_array(np.arange(12, dtype=np.int32).reshape(3, 4), "matrix"))
    g = helper.make_graph([helper.make_node("Identity", ["scalar"], ["y"])], "dtypes", [], [vi("y", [])], inits)
    return model(g)


def attributes():
    sub = lambda name, out: helper.make_graph(
        [helper.make_node("Constant", [], [out], value=numpy_helper.from_array(np.float32([1, 2])))],
        name, [], [vi(out, [2])])
    nodes = [
        helper.make_node("Constant", [], ["k0"], value=numpy_helper.from_array(np.int64([[1, 2], [3, 4]]), "k")),
        helper.make_node("Constant", [], ["k1"], value_float=1.0),
        helper.make_node("Constant", [], ["k2"], value_floats=[1.0, 2.5, float("inf"), float("nan"), -1e-10]),
        helper.make_node("Constant", [], ["k3"], value_int=-7),
        helper.make_node("Constant", [], ["k4"], value_ints=[1, 2, 3]),
        helper.make_node("Constant", [], ["k5"], value_string="bicubic \"x\""),
        helper.make_node("Constant", [], ["k6"], value_strings=["a", "b\\"]),
        helper.make_node("If", ["c"], ["i"], "choice", then_branch=sub("left", "t"), else_branch=sub("right", "e")),
        helper.make_node("Custom", ["k0"], ["", "u"], domain="com.example.ops", alpha=0.5, beta=float("-inf"), n=3),
        helper.make_node("NoOutput", ["k1"], []),
    ]
    typed = helper.make_node("Optional", [], ["o"])
    typed.attribute.append(helper.make_attribute("type", helper.make_tensor_type_proto(TensorProto.FLOAT, [2, "N", None])))
    empty = helper.make_node("Custom", [], ["z"], domain="com.example.ops")
    for name, kind in (("ints", AttributeProto.INTS), ("floats", AttributeProto.FLOATS), ("strings", AttributeProto.STRINGS)):
        empty.attribute.append(helper.make_attribute(name, [], attr_type=kind))
    nodes += [typed, empty]
    g = helper.make_graph(nodes, "attributes", [vi("c", [], TensorProto.BOOL)], [vi("i", [2])])
    return model(g, 18)


def types():
    f = TensorProto.FLOAT
    t = helper.make_tensor_type_proto
    ins = [
        vi("scalar", []), vi("anyrank", None), vi("dims", [1, "N", None, "two words"]), vi("float", [1]),
        helper.make_value_info("s", helper.make_sequence_type_proto(t(f, [2]))),
        helper.make_value_info("m", helper.make_map_type_proto(TensorProto.INT64, t(f, None))),
        helper.make_value_info("o", helper.make_optional_type_proto(helper.make_sequence_type_proto(t(f, ["K"])))),
        helper.make_value_info("sp", helper.make_sparse_tensor_type_proto(f, [3, 4])),
    ]
    opaque = onnx.ValueInfoProto(name="op")
    opaque.type.opaque_type.domain, opaque.type.opaque_type.name = "test.rng", "RNG"
    named = onnx.ValueInfoProto(name="op2")
    named.type.opaque_type.name = "a.b.C"
    untyped = [onnx.ValueInfoProto(name="bare"), onnx.ValueInfoProto(name="int64"), onnx.ValueInfoProto(name="1st one")]
    g = helper.make_graph([], "type names", ins + [opaque, named] + untyped, [])
    return model(g)


def function():
    body = [
        helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Add", ["x", "one"], ["s"]),
        helper.make_node("Elu", ["s"], ["y"]),
    ]
    ref = onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=AttributeProto.FLOAT)
    body[2].attribute.append(ref)
    fn = helper.make_function(
        "org.example", "PlusOne", ["x"], ["y"], body, [helper.make_opsetid("", 17)], ["slope"],
        [helper.make_attribute("bias", 2.0)], doc_string="adds one", value_info=[vi("s", ["N"])])
    g = helper.make_graph(
        [helper.make_node("PlusOne", ["a"], ["b"], "call", domain="org.example", slope=0.5)], "calls",
        [vi("a", ["N"])], [vi("b", ["N"])])
    m = model(g, functions=[fn])
    m.opset_import.append(helper.make_opsetid("org.example", 1))
    return m


def unwritten():
    g = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], "r", doc_string="why")], "documented",
        [vi("x", [1])], [vi("y", [1])], doc_string="what")
    m = model(g, 17, 10)
    for key in ("a", "b"):
        p = m.graph.node[0].metadata_props.add()
        p.key, p.value = key, "1"
    return m


def main(what):
    if what == "models":
        for f in (net, dtypes, attributes, types, function, unwritten):
            (HERE / "format" / f"{f.__name__}.onnx").write_bytes(f().SerializeToString(deterministic=True))
        return
    for txt in sorted(HERE.glob("format/*.txt")) + sorted(HERE.glob("parse/*.txt")):
        if txt.name.endswith(".short.txt"):
            continue
        m = onnx.parser.parse_model(txt.read_text())
        txt.with_suffix(".parsed.onnx").write_bytes(m.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__))
