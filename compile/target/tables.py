#!/usr/bin/env python3
"""Writes the tables of targets beside this file, each from what the engine's own makers or the engine itself says:

    tables.py tensorrt ONNX_TENSORRT   a git clone of github.com/onnx/onnx-tensorrt, of which docs/operators.md is read
    tables.py onnxruntime              with Python's onnx and onnxruntime: the kernels that the library registers
    tables.py openvino-models DIR      with onnx: writes ONNX's node tests as models for the next line
    tables.py openvino DIR             with openvino: what of these its ONNX frontend loads

target.go says what the lines of a table mean.
"""
import collections, glob, json, os, re, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
# The element types that this project knows, by ONNX's names.
TYPES = "float uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 uint64 bfloat16".split()
NEWEST = 2147483647


def write(name, head, lines):
    with open(os.path.join(HERE, name + ".table"), "w") as f:
        f.write("# Written by tables.py; the source is named below.\n")
        for key, value in head:
            f.write(f"{key} {value}\n")
        f.write("\n")
        for line in lines:
            f.write(line.rstrip() + "\n")


def tensorrt(clone):
    def git(*args):
        return subprocess.run(["git", "-C", clone, *args], check=True, capture_output=True, text=True).stdout

    commit, date = git("log", "-1", "--format=%h %cs").split()
    text = git("show", "HEAD:docs/operators.md")
    version, low, high = re.search(r"TensorRT (\S+) supports operators in the inclusive range of opset (\d+) to opset (\d+)", text).groups()
    names = {"FP32": "float", "FP16": "float16", "BF16": "bfloat16", "INF64": "int64", "INT32": "int32", "INT64": "int64",
             "INT8": "int8", "UINT8": "uint8", "BOOL": "bool", "DOUBLE": "double", "FP8": "", "INT4": ""}
    lines, notes = [], {}
    for row in text.splitlines():
        cells = [c.strip() for c in row.strip("|").split("|")]
        if not row.startswith("| ") or len(cells) < 2 or cells[0] == "Operator":
            continue
        if not cells[1].startswith("Y"):
            continue
        types = [names[t.strip()] for t in cells[2].split(",") if t.strip()]
        line = f"op {cells[0]} {low} {high} main={','.join(t for t in types if t)}"
        if cells[0] == "Cast":
            line += " out=" + ",".join(types)
        lines.append(line)
        if len(cells) > 3 and cells[3]:
            notes[cells[0]] = cells[3]
    # The restrictions in words, as rules. Those on operators that no segmentation network has are left out.
    rules = [
        ("AveragePool", "rank AveragePool 0 4 5"), ("AveragePool", "ones AveragePool dilations"),
        ("MaxPool", "rank MaxPool 0 4 5"), ("MaxPool", "ones MaxPool dilations"), ("MaxPool", "outputs MaxPool 1"),
        ("Constant", "no-attr Constant sparse_value value_string value_strings"),
        ("DequantizeLinear", "zero DequantizeLinear 2"), ("QuantizeLinear", "zero QuantizeLinear 2"),
        ("LayerNormalization", "outputs LayerNormalization 1"),
        ("Pad", "constant Pad 3"), ("Slice", "constant Slice 3"), ("Squeeze", "constant Squeeze 1"), ("Unsqueeze", "constant Unsqueeze 1"),
        ("ReduceMax", "constant ReduceMax 1"), ("ReduceMean", "constant ReduceMean 1"), ("ReduceMin", "constant ReduceMin 1"), ("ReduceSum", "constant ReduceSum 1"),
        ("Resize", "attr Resize coordinate_transformation_mode half_pixel pytorch_half_pixel tf_half_pixel_for_nn asymmetric align_corners"),
        ("Resize", "attr Resize mode nearest linear"),
        ("Resize", "attr Resize nearest_mode floor ceil round_prefer_floor round_prefer_ceil"),
        ("Resize", "attr Resize keep_aspect_ratio_policy stretch"), ("Resize", "attr Resize antialias 0"),
        ("TopK", "attr TopK sorted 1"),
    ]
    for op, rule in rules:
        if op not in notes:
            sys.exit(f"the table says nothing of {op} any more: {rule}")
        lines.append(rule)
    write("tensorrt", [
        ("engine", f"TensorRT {version}"), ("source", f"onnx-tensorrt, docs/operators.md at {commit} of {date}"), ("opset", f"{low} {high}"),
        ("io", "float float16 bfloat16 int32 int64 int8 uint8 bool"), ("only-io", "uint8"),
    ], lines)


def onnxruntime():
    import onnx
    import onnxruntime as ort
    import onnxruntime.capi.onnxruntime_pybind11_state as state

    kernels = collections.defaultdict(lambda: collections.defaultdict(set))
    for k in state.get_all_opkernel_def():
        if k.provider == "CPUExecutionProvider" and k.domain == "":
            row = kernels[k.op_name, k.version_range]
            row[""] |= set()
            for var, types in k.type_constraints.items():
                row[var] |= {m.group(1) for t in types if (m := re.fullmatch(r"tensor\((\w+)\)", t)) and m.group(1) in TYPES}
    by_name = collections.defaultdict(list)
    for (name, (low, high)), row in sorted(kernels.items(), key=lambda x: (x[0][0], x[0][1])):
        types = {var: sorted(t, key=TYPES.index) for var, t in row.items() if t}
        words = " ".join(f"{var}={','.join(t)}" for var, t in sorted(types.items()))
        rows = by_name[name]
        if rows and rows[-1][1] + 1 == low and rows[-1][2] == words:
            rows[-1][1] = high
        else:
            rows.append([low, high, words])
    kernel_names = set(by_name)
    # Operators that are functions of others are expanded where no kernel is registered.
    for s in sorted(onnx.defs.get_all_schemas_with_history(), key=lambda s: s.since_version):
        if s.domain == "" and (s.has_function or s.has_context_dependent_function) and s.name not in kernel_names and not by_name[s.name]:
            by_name[s.name].append([s.since_version, NEWEST, ""])
    opsets = []
    for v in range(7, 40):
        g = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g",
            [onnx.helper.make_tensor_value_info("x", 1, [1])], [onnx.helper.make_tensor_value_info("y", 1, [1])])
        try:
            m = onnx.helper.make_model(g, opset_imports=[onnx.helper.make_opsetid("", v)], ir_version=8)
            ort.InferenceSession(m.SerializeToString())
            opsets.append(v)
        except Exception:
            pass
    lines = [f"op {name} {low} {'*' if high == NEWEST else high} {words}" for name in sorted(by_name) for low, high, words in by_name[name]]
    write("onnxruntime", [
        ("engine", f"ONNX Runtime {ort.__version__} on the CPU"),
        ("source", f"the kernels that the library registers for its CPU provider (get_all_opkernel_def), from which its docs/OperatorKernels.md is made"),
        ("opset", f"{min(opsets)} {max(opsets)}"), ("io", " ".join(TYPES)), ("widen", "float16 float"),
    ], lines)


def openvino_models(folder):
    import onnx
    from onnx.backend.test.case.node import collect_testcases

    os.makedirs(folder, exist_ok=True)
    versions = {}
    for t in collect_testcases(None):
        if t.model is not None and len(t.model.graph.node) == 1 and t.model.graph.node[0].domain == "":
            with open(os.path.join(folder, t.name + ".onnx"), "wb") as f:
                f.write(t.model.SerializeToString())
            versions[t.name] = t.model.graph.node[0].op_type
    for v in range(7, onnx.defs.onnx_opset_version() + 1):
        g = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g",
            [onnx.helper.make_tensor_value_info("x", 1, [1])], [onnx.helper.make_tensor_value_info("y", 1, [1])])
        m = onnx.helper.make_model(g, opset_imports=[onnx.helper.make_opsetid("", v)], ir_version=10)
        with open(os.path.join(folder, f"opset-{v}.onnx"), "wb") as f:
            f.write(m.SerializeToString())
    first = {s.name: min(v.since_version for v in onnx.defs.get_all_schemas_with_history() if v.name == s.name and v.domain == "")
             for s in onnx.defs.get_all_schemas() if s.domain == ""}
    with open(os.path.join(folder, "operators.json"), "w") as f:
        json.dump({"onnx": onnx.__version__, "tests": versions, "first": first}, f)


def openvino(folder):
    import openvino as ov

    with open(os.path.join(folder, "operators.json")) as f:
        about = json.load(f)
    core, loads, opsets = ov.Core(), collections.defaultdict(list), []
    for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
        name = os.path.basename(path)[:-5]
        try:
            core.read_model(path)
            ok = True
        except Exception:
            ok = False
        if name.startswith("opset-"):
            opsets += [int(name[6:])] if ok else []
        else:
            loads[about["tests"][name]].append(ok)
    lines = [f"op {op} {max(about['first'][op], min(opsets))} {max(opsets)}" for op in sorted(loads) if any(loads[op])]
    # What of the operators above it refuses, by the tests that it does not load.
    lines += [
        "attr Resize coordinate_transformation_mode half_pixel pytorch_half_pixel asymmetric align_corners tf_half_pixel_for_nn",
        "attr Pad mode constant reflect edge",
    ]
    write("openvino", [
        ("engine", "OpenVINO " + ov.__version__.split("-")[0]),
        ("source", f"operators of which its ONNX frontend loads a node test of onnx {about['onnx']} (measured; its own list is src/frontends/onnx/docs/supported_ops.md)"),
        ("opset", f"{min(opsets)} {max(opsets)}"), ("io", "float float16 bfloat16 double int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool string"),
    ], lines)


if __name__ == "__main__":
    {"tensorrt": tensorrt, "onnxruntime": onnxruntime, "openvino-models": openvino_models, "openvino": openvino}[sys.argv[1]](*sys.argv[2:])
