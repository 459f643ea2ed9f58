#!/usr/bin/env python3
"""Writes movement.json of this folder: models with dynamic axes, as exporters write them, whose shapes are made by
Shape, Gather, Slice, Concat and the like. For each value of a model it records what ONNX's own shape inference (with
data propagation) says of its dimensions, and the shapes that it really has, by ONNX's reference evaluator, for two
choices of the named axes.

    pip install onnx==1.23.2 numpy; python3 movement.py
"""
import json, os
import numpy as np
import onnx
from onnx import helper, parser, shape_inference
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = [{"N": 2, "H": 6, "W": 10}, {"N": 1, "H": 8, "W": 4}]
MODELS = {
    # x.view(x.size(0), -1)
    "view": """(float[N,3,H,W] x) => (float[a,b] y) <int64 zero = {0}, int64[1] ax = {0}, int64[1] rest = {-1}> {
        s = Shape(x)
        n = Gather<axis = 0>(s, zero)
        n1 = Unsqueeze(n, ax)
        t = Concat<axis = 0>(n1, rest)
        y = Reshape(x, t)
    }""",
    # x.flatten(2).transpose(1, 2) and back
    "tokens": """(float[N,32,H,W] x) => (float[a,b,c,d] y) <int64[3] flat = {0,0,-1}, int64[1] one = {1}, int64[1] two = {2}, int64[1] four = {4}> {
        s = Shape(x)
        f = Reshape(x, flat)
        t = Transpose<perm = [0,2,1]>(f)
        b = Transpose<perm = [0,2,1]>(t)
        nc = Slice(s, zero, two)
        hw = Slice(s, two, four)
        zero = Constant<value_ints = [0]>()
        back = Concat<axis = 0>(nc, hw)
        y = Reshape(b, back)
    }""",
    # a shuffle of 4 groups of channels
    "shuffle": """(float[N,32,H,W] x) => (float[a,b,c,d] y) {
        s = Shape(x)
        n = Shape<start = 0, end = 1>(x)
        hw = Shape<start = 2>(x)
        groups = Constant<value_ints = [4,8]>()
        all = Constant<value_ints = [-1]>()
        t5 = Concat<axis = 0>(n, groups, hw)
        a = Reshape(x, t5)
        b = Transpose<perm = [0,2,1,3,4]>(a)
        t4 = Concat<axis = 0>(n, all, hw)
        y = Reshape(b, t4)
    }""",
    # F.pad with pads that are computed, and crop to another size
    "crop": """(float[N,3,H,W] x, float[N,8,h,w] like) => (float[a,b,c,d] y, float[e,f,g,i] z) {
        two = Constant<value_ints = [2]>()
        four = Constant<value_ints = [4]>()
        zero = Constant<value_ints = [0]>()
        three = Constant<value_ints = [3]>()
        s = Shape(like)
        hh = Slice(s, two, three)
        ww = Slice(s, three, four)
        c1 = Slice(x, zero, hh, two)
        y = Slice(c1, zero, ww, three)
        sx = Shape(x)
        same = Slice(sx, two, four)
        zz = Constant<value_ints = [0,0]>()
        axes = Constant<value_ints = [2,3]>()
        z = Slice(x, zz, same, axes)
    }""",
    # pads of a constant module, the long way: reversed pairs
    "pads": """(float[N,3,H,W] x) => (float[a,b,c,d] y) {
        given = Constant<value_ints = [1,2,0,3]>()
        four = Constant<value_ints = [4]>()
        zeros = ConstantOfShape(four)
        izeros = Constant<value_ints = [0,0,0,0]>()
        all = Concat<axis = 0>(given, izeros)
        pairs = Constant<value_ints = [-1,2]>()
        m = Reshape(all, pairs)
        from = Constant<value_ints = [-1]>()
        to = Constant<value_ints = [-9223372036854775807]>()
        ax = Constant<value_ints = [0]>()
        back = Constant<value_ints = [-1]>()
        r = Slice(m, from, to, ax, back)
        t = Transpose<perm = [1,0]>(r)
        flat = Constant<value_ints = [-1]>()
        p = Reshape(t, flat)
        y = Pad(x, p)
    }""",
    # a grid of coordinates
    "grid": """(float[N,3,H,W] x) => (int64[a,b] gy, int64[c,d] gx, float[e,f,g,i] m) {
        s = Shape(x)
        two = Constant<value_int = 2>()
        three = Constant<value_int = 3>()
        zero = Constant<value_int = 0>()
        one = Constant<value_int = 1>()
        h = Gather(s, two)
        w = Gather(s, three)
        rows = Range(zero, h, one)
        cols = Range(zero, w, one)
        ax1 = Constant<value_ints = [1]>()
        column = Unsqueeze(rows, ax1)
        at0 = Constant<value_ints = [0]>()
        h1 = Unsqueeze(h, at0)
        w1 = Unsqueeze(w, at0)
        hw = Concat<axis = 0>(h1, w1)
        gy = Expand(column, hw)
        gx = Expand(cols, hw)
        m = ConstantOfShape(s)
    }""",
    # a global feature spread over the picture
    "spread": """(float[N,3,H,W] x, float[N,16,1,1] g) => (float[a,b,c,d] y, float[e,f,i,j] z, float[k,l,m,o] cat) {
        hw = Shape<start = 2>(x)
        ones = Constant<value_ints = [1,1]>()
        t = Concat<axis = 0>(ones, hw)
        y = Expand(g, t)
        z = Tile(g, t)
        cat = Concat<axis = 1>(x, y)
    }""",
    # a shape taken apart and put together
    "split": """(float[N,3,H,W] x) => (float[a,b,c] y, float[d,e] f, float[k,l,m,o] p, int64 count) {
        s = Shape(x)
        n, c, h, w = Split<axis = 0, num_outputs = 4>(s)
        at = Constant<value_ints = [0]>()
        ns = Squeeze(n, at)
        n1 = Unsqueeze(ns, at)
        i = Identity(n1)
        all = Constant<value_ints = [-1]>()
        t = Concat<axis = 0>(i, c, all)
        y = Reshape(x, t)
        f = Flatten<axis = 2>(x)
        back = Concat<axis = 0>(n, c, h, w)
        p = Reshape(y, back)
        count = Size(x)
    }""",
    # squeezes, unsqueezes and permutations of named axes
    "ranks": """(float[N,1,H,W] x) => (float[a,b,c] y, float[d,e,f,g,h] z, float[i,j,k,l] u, float[m,o,p,q] v) {
        one = Constant<value_ints = [1]>()
        y = Squeeze(x, one)
        ends = Constant<value_ints = [-1]>()
        z = Unsqueeze(x, ends)
        u = Transpose(x)
        zero = Constant<value_ints = [0]>()
        huge = Constant<value_ints = [9223372036854775807]>()
        three = Constant<value_ints = [3]>()
        v = Slice(x, zero, huge, three)
    }""",
}


def dims(vi):
    t = vi.type.tensor_type
    if not t.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or "?" for d in t.shape.dim]


out = []
for name, body in MODELS.items():
    text = '<ir_version: 8, opset_import: ["" : 18]>\n%s %s' % (name, "\n".join(l.strip() for l in body.splitlines()))
    m = parser.parse_model(text)
    nodes = list(m.graph.node)  # the constants come first, so that the order is topological
    first = [n for n in nodes if n.op_type == "Constant"]
    del m.graph.node[:]
    m.graph.node.extend(first + [n for n in nodes if n.op_type != "Constant"])
    text = onnx.printer.to_text(m)
    parser.parse_model(text)
    for o in m.graph.output:  # the outputs' dimensions are only there because the syntax wants some
        o.type.tensor_type.ClearField("shape")
    typed = shape_inference.infer_shapes(m, data_prop=True, strict_mode=True)
    said = {v.name: dims(v) for v in list(typed.graph.value_info) + list(typed.graph.output)}
    runs = []
    for sizes in SIZES:
        sizes = dict(sizes, h=sizes["H"] - 1, w=sizes["W"] + 3)
        feed = {}
        for v in m.graph.input:
            shape = [sizes.get(d, d) for d in dims(v)]
            feed[v.name] = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
        every = [o for n in m.graph.node for o in n.output]
        probe = onnx.ModelProto()
        probe.CopyFrom(m)
        del probe.graph.output[:]
        probe.graph.output.extend(onnx.ValueInfoProto(name=o) for o in every)
        got = ReferenceEvaluator(probe).run(None, feed)
        values = {}
        for n, v in zip(every, got):
            v = np.asarray(v)
            values[n] = {"s": list(v.shape)}
            if v.dtype == np.int64 and v.size <= 16:
                values[n]["d"] = [int(x) for x in v.ravel()]
        runs.append({"sizes": sizes, "values": values})
    out.append({"name": name, "text": text, "said": said, "runs": runs})

path = os.path.join(HERE, "movement.json")
with open(path, "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(o, separators=(",", ":")) for o in out) + "\n]")
    f.write("\n")
print(len(out), "models,", os.path.getsize(path), "bytes")
