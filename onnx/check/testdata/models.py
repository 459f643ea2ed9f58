#!/usr/bin/env python3
"""Writes models.json: small models, most of them broken in one way each, with the verdict of ONNX's own checker
(onnx.checker.check_model with full_check, onnx 1.23.2). Model must find a fault in all that ONNX refuses."""
import base64
import json
import pathlib

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

F, I64, I32, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL
CASES = []


def vi(name, shape, elem=F):
    return helper.make_tensor_value_info(name, elem, shape)


def node(op, ins, outs, name=None, **kw):
    return helper.make_node(op, ins, outs, name=name, **kw)


def const(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def model(nodes, ins=None, outs=None, inits=(), infos=(), opset=17, ir=8, name="g"):
    ins = [vi("x", [1, 2, 8, 8])] if ins is None else ins
    outs = [vi("y", [1, 2, 8, 8])] if outs is None else outs
    g = helper.make_graph(nodes, name, ins, outs, list(inits), value_info=list(infos))
    return helper.make_model(g, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def with_(m, f):
    f(m)
    return m


def relu(**kw):
    return model([node("Relu", ["x"], ["y"], "r")], **kw)


def case(f):
    """Registers f's models under f's name; f gives one, or yields (name, model)."""
    out = f()
    for name, m in [("", out)] if isinstance(out, onnx.ModelProto) else out:
        CASES.append(((f.__name__.rstrip("_") + " " + name).strip().replace("_", " "), m))
    return f


@case
def good():
    yield "relu", relu()
    yield "nothing", model([], [vi("x", [1])], [vi("x", [1])])
    for opset, ir in ((7, 3), (9, 4), (11, 6), (13, 7), (18, 8), (21, 10), (24, 12)):
        yield f"opset {opset}", relu(opset=opset, ir=ir)
    w = const("w", np.zeros((3, 2, 3, 3)))
    yield "conv", model([node("Conv", ["x", "w"], ["y"], "c", pads=[1] * 4)], outs=[vi("y", [1, 3, 8, 8])], inits=[w])
    yield "unknown sizes", model([node("Relu", ["x"], ["y"])], [vi("x", ["N", None])], [vi("y", ["N", "M"])])
    yield "value info", model([node("Relu", ["x"], ["h"]), node("Neg", ["h"], ["y"])], infos=[vi("h", [1, 2, None, 8])])
    yield "empty optional input", model(
        [node("Clip", ["x", "", "hi"], ["y"])], inits=[const("hi", 6)])
    yield "input with default", model(
        [node("Add", ["x", "w"], ["y"])], [vi("x", [2]), vi("w", [2])], [vi("y", [2])], [const("w", [1, 2])], ir=3, opset=7)
    yield "unnamed nodes", model([node("Relu", ["x"], ["h"]), node("Relu", ["h"], ["y"])])
    yield "shape arithmetic", model(
        [node("Shape", ["x"], ["s"]), node("Reshape", ["x", "s"], ["y"])])
    yield "unused initializer", relu(inits=[const("u", [1])])
    yield "dead node", model([node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["z"])])
    yield "ai.onnx import", with_(relu(), lambda m: setattr(m.opset_import[0], "domain", "ai.onnx"))


@case
def header():
    yield "no ir version", with_(relu(), lambda m: m.ClearField("ir_version"))
    yield "future ir version", relu(ir=99)
    yield "ir version 2", relu(ir=2)
    yield "ir version older than the opset", relu(ir=3)
    yield "no opset", with_(relu(), lambda m: m.ClearField("opset_import"))
    yield "only another domain", with_(relu(), lambda m: setattr(m.opset_import[0], "domain", "ai.onnx.ml"))
    yield "opset 6", relu(opset=6, ir=3)
    yield "opset 1", relu(opset=1, ir=3)
    yield "opset 0", relu(opset=0)
    yield "opset 999", relu(opset=999)
    yield "opset 2 to the 40", relu(opset=2**40)
    yield "other domain 2 to the 40", with_(relu(), lambda m: m.opset_import.append(helper.make_opsetid("d", 2**40)))
    yield "opset twice", with_(relu(), lambda m: m.opset_import.append(helper.make_opsetid("", 16)))
    yield "metadata key twice", with_(relu(), lambda m: [m.metadata_props.add(key="k", value=v) for v in "ab"])
    yield "no graph", with_(relu(), lambda m: m.ClearField("graph"))
    yield "graph without a name", relu(name="")
    def fn(m):
        f = helper.make_function("local", "F", ["a"], ["b"], [node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)])
        m.functions.append(f)
    yield "function", with_(relu(), fn)
    yield "function twice", with_(relu(), lambda m: (fn(m), fn(m)))


@case
def inputs():
    yield "without a name", model([node("Neg", ["x"], ["y"])], [vi("x", [1, 2, 8, 8]), vi("", [1])])
    yield "twice", model([node("Neg", ["x"], ["y"])], [vi("x", [1, 2, 8, 8])] * 2)
    yield "without a type", with_(relu(), lambda m: m.graph.input[0].ClearField("type"))
    yield "empty type", with_(relu(), lambda m: m.graph.input[0].type.Clear())
    yield "without a shape", with_(relu(), lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"))
    yield "without an element type", with_(relu(), lambda m: m.graph.input[0].type.tensor_type.ClearField("elem_type"))
    yield "undefined element type", with_(relu(), lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 0))
    yield "unknown element type", with_(relu(), lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 77))
    yield "negative size", relu(ins=[vi("x", [1, -2])], outs=[vi("y", [1, None])])
    yield "huge size", relu(ins=[vi("x", [2**62])], outs=[vi("y", [2**62])])
    yield "huge product", relu(ins=[vi("x", [2**20] * 4)], outs=[vi("y", [2**20] * 4)])
    yield "rank 100", relu(ins=[vi("x", [1] * 100)], outs=[vi("y", [1] * 100)])
    s = helper.make_value_info("x", helper.make_sequence_type_proto(helper.make_tensor_type_proto(F, [1])))
    yield "sequence", model([node("Identity", ["x"], ["y"])], [s], [helper.make_value_info("y", s.type)])


@case
def outputs():
    yield "none", relu(outs=[])
    yield "undefined", relu(outs=[vi("z", [1])])
    yield "twice", relu(outs=[vi("y", [1, 2, 8, 8])] * 2)
    yield "without a name", relu(outs=[vi("y", [1, 2, 8, 8]), vi("", [1])])
    yield "without a type", with_(relu(), lambda m: m.graph.output[0].ClearField("type"))
    yield "without a shape", with_(relu(), lambda m: m.graph.output[0].type.tensor_type.ClearField("shape"))
    yield "wrong type", relu(outs=[vi("y", [1, 2, 8, 8], I64)])
    yield "wrong rank", relu(outs=[vi("y", [1, 2, 8])])
    yield "wrong size", relu(outs=[vi("y", [1, 2, 8, 9])])
    yield "negative size", relu(outs=[vi("y", [1, 2, 8, -8])])
    yield "input with another type", model([], [vi("x", [1])], [vi("x", [1], I64)])
    yield "input with another size", model([], [vi("x", [1])], [vi("x", [2])])


@case
def value_info():
    two = lambda *infos: model([node("Relu", ["x"], ["h"], "a"), node("Neg", ["h"], ["y"], "b")], infos=infos)
    yield "wrong type", two(vi("h", [1, 2, 8, 8], I64))
    yield "wrong rank", two(vi("h", [1, 2]))
    yield "wrong size", two(vi("h", [1, 2, 8, 7]))
    yield "contradicting twice", two(vi("h", [1, 2, 8, 8]), vi("h", [1, 2, 8, 7]))
    yield "same twice", two(vi("h", [1, 2, 8, 8]), vi("h", [1, 2, 8, 8]))
    yield "of an input", two(vi("x", [1, 2, 8, 7]))
    yield "of nothing", two(vi("q", [1]))
    yield "negative size", two(vi("h", [1, 2, 8, -8]))


def init(t):
    """y = x + w where w is t."""
    t.name = t.name or "w"
    return model([node("Add", ["x", "w"], ["y"], "a")], [vi("x", [2])], [vi("y", [2])], [t])


@case
def initializer():
    T = onnx.TensorProto
    yield "good", init(T(dims=[2], data_type=F, float_data=[1, 2]))
    yield "without a name", relu(inits=[T(dims=[1], data_type=F, float_data=[1])])
    yield "twice", relu(inits=[const("w", [1]), const("w", [2])])
    yield "without a type", init(T(dims=[2], float_data=[1, 2]))
    yield "undefined type", init(T(dims=[2], data_type=0, float_data=[1, 2]))
    yield "unknown type", init(T(dims=[2], data_type=77, float_data=[1, 2]))
    yield "without data", init(T(dims=[2], data_type=F))
    yield "too little data", init(T(dims=[2], data_type=F, float_data=[1]))
    yield "too much data", init(T(dims=[2], data_type=F, float_data=[1, 2, 3]))
    yield "too little raw data", init(T(dims=[2], data_type=F, raw_data=b"1234567"))
    yield "too much raw data", init(T(dims=[2], data_type=F, raw_data=b"123456789012"))
    yield "two fields", init(T(dims=[2], data_type=F, float_data=[1, 2], raw_data=b"12345678"))
    yield "wrong field", init(T(dims=[2], data_type=F, int32_data=[1, 2]))
    yield "doubles as floats", init(T(dims=[2], data_type=TensorProto.DOUBLE, float_data=[1, 2]))
    yield "int64 as int32", init(T(dims=[2], data_type=I64, int32_data=[1, 2]))
    yield "raw strings", init(T(dims=[2], data_type=TensorProto.STRING, raw_data=b"ab"))
    yield "empty with data", init(T(dims=[0], data_type=F, float_data=[1]))
    yield "empty with other data", init(T(dims=[0], data_type=F, int64_data=[1]))
    yield "negative dimension", init(T(dims=[-2], data_type=F, float_data=[1, 2]))
    yield "overflowing dimensions", init(T(dims=[2**40, 2**40], data_type=F, float_data=[1, 2]))
    yield "overflowing to zero", init(T(dims=[2**32, 2**32], data_type=F))
    yield "overflowing before a zero", init(T(dims=[2**40, 2**40, 0], data_type=F))
    yield "external", init(T(dims=[2], data_type=F, data_location=1, external_data=[
        onnx.StringStringEntryProto(key="location", value="../w.bin")]))
    yield "external without location", init(T(dims=[2], data_type=F, data_location=1))
    yield "no input in ir 3", model([node("Add", ["x", "w"], ["y"])], [vi("x", [2])], [vi("y", [2])], [const("w", [1, 2])], ir=3, opset=7)
    for name, v in (("type", vi("w", [2], I64)), ("size", vi("w", [3])), ("rank", vi("w", [2, 1]))):
        yield "other " + name + " than the input", model(
            [node("Add", ["x", "w"], ["y"])], [vi("x", [2]), v], [vi("y", [2])], [const("w", [1, 2])])
    yield "other type than value info", model(
        [node("Neg", ["w"], ["y"])], [], [vi("y", [2])], [const("w", [1, 2])], [vi("w", [2], I64)])
    s = onnx.SparseTensorProto(values=const("w", [1]), indices=const("", [1], np.int64), dims=[2])
    yield "sparse", with_(model([node("Neg", ["x"], ["y"])]), lambda m: m.graph.sparse_initializer.append(s))


@case
def graph():
    chain = lambda *edges: model([node("Relu", [a], [b], f"n{i}") for i, (a, b) in enumerate(edges)])
    yield "unsorted", chain(("h", "y"), ("x", "h"))
    yield "cycle of two", model([node("Add", ["x", "b"], ["a"], "first"), node("Relu", ["a"], ["b"], "second"), node("Neg", ["b"], ["y"], "behind")])
    yield "cycle of one", model([node("Add", ["x", "y"], ["y"], "self")])
    yield "two cycles", model([
        node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Add", ["d", "b"], ["c"]),
        node("Relu", ["c"], ["d"]), node("Relu", ["d"], ["y"])])
    yield "undefined input", chain(("nowhere", "y"))
    yield "two undefined inputs", model([node("Add", ["p", "q"], ["y"])])
    yield "output twice", chain(("x", "y"), ("x", "y"))
    yield "output twice in a node", model([node("Split", ["x"], ["y", "y"], axis=1)])
    yield "output is an input", chain(("x", "x"), ("x", "y"))
    yield "output is an initializer", model([node("Relu", ["x"], ["w"]), node("Relu", ["w"], ["y"])], inits=[const("w", [1])])
    yield "nodes of one name", model([node("Relu", ["x"], ["h"], "n"), node("Relu", ["h"], ["y"], "n")])


def conv(w=(3, 2, 3, 3), out=None, x=(1, 2, 8, 8), **kw):
    return model([node("Conv", ["x", "w"], ["y"], "c", **kw)], [vi("x", x)], [vi("y", out or [None] * len(x))], [const("w", np.zeros(w))])


def attr(op, f, ins=("x",), **kw):
    """A node of op whose attributes f changes."""
    n = node(op, ins, ["y"], "n", **kw)
    f(n.attribute)
    return model([n])


@case
def attribute():
    A = AttributeProto
    add = lambda **kw: lambda l: l.append(A(**kw))
    yield "unknown", attr("Relu", add(name="alpha", type=A.FLOAT, f=1))
    yield "two unknown", attr("Relu", lambda l: l.extend([A(name=n, type=A.FLOAT, f=1) for n in "ab"]))
    yield "twice", attr("LeakyRelu", lambda l: l.extend([A(name="alpha", type=A.FLOAT, f=1)] * 2))
    yield "wrong type", attr("LeakyRelu", add(name="alpha", type=A.INT, i=1))
    yield "type and field differ", attr("LeakyRelu", add(name="alpha", type=A.FLOAT, i=1))
    yield "two fields", attr("LeakyRelu", add(name="alpha", type=A.FLOAT, f=1, ints=[1]))
    yield "without a type", attr("LeakyRelu", add(name="alpha", f=1))
    yield "without a name", attr("Relu", add(type=A.FLOAT, f=1))
    yield "missing", attr("Concat", lambda l: None)
    yield "reference outside a function", attr("LeakyRelu", add(name="alpha", type=A.FLOAT, ref_attr_name="slope"))
    yield "tensor without a tensor", model([node("Constant", [], ["c"]), node("Relu", ["x"], ["y"])])
    c = lambda t: with_(model([node("Constant", [], ["c"], "c"), node("Add", ["x", "c"], ["y"], "a")]),
                        lambda m: m.graph.node[0].attribute.append(A(name="value", type=A.TENSOR, t=t)))
    yield "good tensor", c(const("", [1]))
    yield "bad tensor", c(onnx.TensorProto(dims=[3], data_type=F, float_data=[1]))
    yield "tensor in two fields", c(onnx.TensorProto(dims=[1], data_type=F, float_data=[1], int64_data=[1]))
    yield "external tensor", c(onnx.TensorProto(dims=[1], data_type=F, data_location=1, external_data=[
        onnx.StringStringEntryProto(key="location", value="/etc/passwd")]))
    sub = helper.make_graph([node("Relu", ["nowhere"], ["t"])], "s", [], [vi("t", [1])])
    yield "subgraph", model([node("If", ["b"], ["y"], "if", then_branch=sub, else_branch=sub)], [vi("b", [], BOOL)])


@case
def operator():
    yield "without a type", model([node("", ["x"], ["y"])])
    yield "unknown", model([node("Frobnicate", ["x"], ["y"], "f")])
    yield "unknown domain", model([node("Relu", ["x"], ["y"], domain="com.example")])
    yield "other domain", with_(model([node("Relu", ["x"], ["y"], domain="com.example")]),
                                lambda m: m.opset_import.append(helper.make_opsetid("com.example", 1)))
    yield "domain by its long name", model([node("Relu", ["x"], ["y"], domain="ai.onnx")])
    yield "newer than the opset", model([node("HardSwish", ["x"], ["y"])], opset=13, ir=7)
    yield "withdrawn", model([node("Upsample", ["x", "s"], ["y"])], outs=[vi("y", [None] * 4)], inits=[const("s", [1, 1, 2, 2])])
    yield "experimental", model([node("Scale", ["x"], ["y"])])
    yield "no inputs", model([node("Relu", [], ["y"])])
    yield "too many inputs", model([node("Relu", ["x", "x"], ["y"])])
    yield "too few inputs", model([node("Add", ["x"], ["y"])])
    yield "required input left out", model([node("Add", ["", "x"], ["y"])])
    yield "no outputs", model([node("Relu", ["x"], []), node("Relu", ["x"], ["y"])])
    yield "too many outputs", model([node("Relu", ["x"], ["y", "z"])])
    yield "required output left out", model([node("Relu", ["x"], [""]), node("Relu", ["x"], ["y"])])
    yield "nothing at all", model([node("Relu", ["x"], ["y"]), node("Relu", [], [])])
    bn = lambda outs, **kw: model(
        [node("BatchNormalization", ["x", "p", "p", "p", "p"], outs, **kw)], inits=[const("p", [1, 2])], opset=kw.pop("opset", 17))
    yield "two outputs of batch norm", bn(["y", "m"], training_mode=1)
    yield "three outputs of batch norm", bn(["y", "m", "v"], training_mode=1)


@case
def types():
    yield "not of the operator", model([node("Relu", ["x"], ["y"], "r")], [vi("x", [1], BOOL)], [vi("y", [1], BOOL)])
    yield "two of one variable", model([node("Add", ["x", "i"], ["y"], "a")], [vi("x", [1]), vi("i", [1], I64)], [vi("y", [1])])
    yield "float as indices", model([node("Gather", ["x", "i"], ["y"], "g")], [vi("x", [3]), vi("i", [1])], [vi("y", [1])])
    yield "int32 as a shape", model([node("Reshape", ["x", "s"], ["y"], "r")], [vi("x", [4])], [vi("y", [2, 2])], [const("s", [2, 2], np.int32)])
    yield "cast", model([node("Cast", ["x"], ["y"], to=I64)], [vi("x", [1])], [vi("y", [1])])
    yield "comparison", model([node("Greater", ["x", "x"], ["y"])], [vi("x", [1])], [vi("y", [1])])


@case
def shapes():
    yield "conv channels", conv((3, 5, 3, 3))
    yield "conv group", conv((3, 1, 3, 3), group=2)
    yield "conv rank of weights", conv((3, 2, 3))
    yield "conv rank of input", conv(x=(1, 2))
    yield "conv kernel_shape", conv(kernel_shape=[5, 5])
    yield "conv strides", conv(strides=[1])
    yield "conv zero stride", conv(strides=[0, 1])
    yield "conv pads", conv(pads=[1, 1])
    yield "conv dilations", conv(dilations=[1, 1, 1])
    yield "conv auto_pad", conv(auto_pad="SAME")
    yield "conv kernel larger than the input", conv((3, 2, 9, 9))
    yield "conv output", conv(out=[1, 3, 8, 8])
    yield "pool without kernel", model([node("MaxPool", ["x"], ["y"])], outs=[vi("y", [None] * 4)])
    yield "pool kernel rank", model([node("MaxPool", ["x"], ["y"], kernel_shape=[2])], outs=[vi("y", [None] * 4)])
    yield "add", model([node("Add", ["x", "z"], ["y"], "a")], [vi("x", [2, 3]), vi("z", [2, 4])], [vi("y", [2, None])])
    yield "concat rank", model([node("Concat", ["x", "z"], ["y"], axis=0)], [vi("x", [2, 3]), vi("z", [2])], [vi("y", [None, None])])
    yield "concat size", model([node("Concat", ["x", "z"], ["y"], axis=0)], [vi("x", [2, 3]), vi("z", [2, 4])], [vi("y", [None, None])])
    yield "concat axis", model([node("Concat", ["x", "x"], ["y"], axis=2)], [vi("x", [2, 3])], [vi("y", [None, None])])
    yield "reshape product", model([node("Reshape", ["x", "s"], ["y"])], [vi("x", [4])], [vi("y", [None, None])], [const("s", [2, 3], np.int64)])
    yield "reshape two unknown", model([node("Reshape", ["x", "s"], ["y"])], [vi("x", [4])], [vi("y", [None, None])], [const("s", [-1, -1], np.int64)])
    yield "matmul", model([node("MatMul", ["x", "z"], ["y"])], [vi("x", [2, 3]), vi("z", [4, 5])], [vi("y", [2, 5])])
    yield "gemm", model([node("Gemm", ["x", "z"], ["y"], transB=1)], [vi("x", [2, 3]), vi("z", [4, 5])], [vi("y", [2, 4])])
    yield "transpose perm", model([node("Transpose", ["x"], ["y"], perm=[0, 0])], [vi("x", [2, 3])], [vi("y", [None, None])])
    yield "transpose rank", model([node("Transpose", ["x"], ["y"], perm=[0, 1, 2])], [vi("x", [2, 3])], [vi("y", [None, None])])
    yield "squeeze", model([node("Squeeze", ["x", "a"], ["y"])], [vi("x", [2, 3])], [vi("y", [3])], [const("a", [0], np.int64)])
    yield "split sizes", model([node("Split", ["x", "s"], ["y", "z"])], [vi("x", [4])], [vi("y", [None])], [const("s", [1, 2], np.int64)])
    yield "argmax axis", model([node("ArgMax", ["x"], ["y"], axis=5)], [vi("x", [4])], [vi("y", [None], I64)])
    yield "resize both", model([node("Resize", ["x", "", "s", "z"], ["y"])], outs=[vi("y", [None] * 4)],
                               inits=[const("s", [1, 1, 2, 2]), const("z", [1, 2, 16, 16], np.int64)])
    yield "resize scales", model([node("Resize", ["x", "", "s"], ["y"])], outs=[vi("y", [None] * 4)], inits=[const("s", [2, 2])])
    yield "resize mode", model([node("Resize", ["x", "", "s"], ["y"], mode="lanczos")], outs=[vi("y", [None] * 4)], inits=[const("s", [1, 1, 2, 2])])
    yield "batch norm", model([node("BatchNormalization", ["x", "p", "p", "p", "p"], ["y"])], inits=[const("p", [1, 2, 3])])
    yield "depth to space", model([node("DepthToSpace", ["x"], ["y"], blocksize=3)], outs=[vi("y", [None] * 4)])
    yield "expand", model([node("Expand", ["x", "s"], ["y"])], [vi("x", [2])], [vi("y", [None])], [const("s", [3], np.int64)])
    yield "default of an input", model([node("Reshape", ["x", "s"], ["y"])], [vi("x", [4]), vi("s", [2], I64)], [vi("y", [2, 2])],
                                       [const("s", [1, 4], np.int64)])
    yield "dropout ratio", model([node("Dropout", ["x", "r"], ["y"])], inits=[const("r", [0.5])])
    yield "negative flatten at opset 9", model([node("Flatten", ["x"], ["y"], axis=-1)], outs=[vi("y", [None, None])], opset=9)
    yield "fault far behind", model(
        [node("Relu", ["x"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 2, 3, 1]), node("Add", ["b", "x"], ["y"], "add")])
    yield "huge output", model([node("Expand", ["x", "s"], ["y"])], [vi("x", [1])], [vi("y", [None])], [const("s", [2**40], np.int64)])


def verdict(m):
    try:
        onnx.checker.check_model(m, full_check=True)
        return ""
    except Exception as e:  # ValidationError, InferenceError, or what protobuf says
        return " ".join(str(e).split())[:200]


def main():
    out, names = [], set()
    for name, m in CASES:
        assert name not in names, name
        names.add(name)
        raw = m.SerializeToString(deterministic=True)
        out.append({"name": name, "onnx": verdict(onnx.load_from_string(raw)), "model": base64.b64encode(raw).decode()})
    lines = ",\n".join(json.dumps(c) for c in out)
    pathlib.Path(__file__).with_name("models.json").write_text("[\n" + lines + "\n]\n")
    print(len(out), "models,", sum(1 for c in out if c["onnx"]), "refused by ONNX")


if __name__ == "__main__":
    main()
