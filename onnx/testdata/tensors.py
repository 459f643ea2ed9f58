#!/usr/bin/env python3
"""Writes tensors.json for convert_test.go: TensorProtos of every type as onnx.helper (typed fields) and
onnx.numpy_helper (raw_data) make them, with their values as text. onnx 1.23.2, NumPy 2."""
import base64
import json
import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper

VALUES = {
    "float": [0.0, -0.0, 1.5, -2.25, 3.4028234663852886e38, 1e-45, float("inf"), float("-inf")],
    "double": [0.1, -1e300, 5e-324, 2.0**53 + 1], "float16": [1.0, -2.5, 65504.0, 6e-8],
    "bfloat16": [1.0, -2.5, 3.140625], "int8": [-128, 0, 127], "uint8": [0, 200, 255], "int16": [-32768, 32767],
    "uint16": [0, 65535], "int32": [-2**31, 2**31 - 1], "uint32": [0, 2**32 - 1], "int64": [-2**63, 2**63 - 1],
    "uint64": [0, 2**64 - 1], "bool": [True, False, True], "string": ["", "a b", "\u00e9"],
}
SHAPES = {"float": [2, 2, 2], "double": [4], "int8": [3, 1], "bool": [1, 3]}


def text(v):
    return v if isinstance(v, str) else repr(v).lower() if isinstance(v, (bool, float)) else str(v)


out = []
for name, values in VALUES.items():
    dtype = getattr(TensorProto, name.upper())
    shape = SHAPES.get(name, [len(values)])
    forms = {"typed": helper.make_tensor(name, dtype, shape, [v.encode() if name == "string" else v for v in values])}
    if name != "string":
        a = np.array(values, helper.tensor_dtype_to_np_dtype(dtype)).reshape(shape)
        forms["raw"] = numpy_helper.from_array(a, name)
        assert forms["raw"].raw_data
        values = a.reshape(-1).astype(np.float64).tolist() if "float" in name or name == "double" else values
    for form, t in forms.items():
        out.append({"name": f"{name} {form}", "dtype": name, "shape": shape, "values": [text(v) for v in values],
                    "proto": base64.b64encode(t.SerializeToString(deterministic=True)).decode()})
for name, t in {
    "scalar": numpy_helper.from_array(np.float32(7), "s"), "empty": numpy_helper.from_array(np.zeros((2, 0, 3), np.int64), "e"),
    "empty strings": helper.make_tensor("t", TensorProto.STRING, [0], []),
}.items():
    a = numpy_helper.to_array(t)
    out.append({"name": name, "dtype": TensorProto.DataType.Name(t.data_type).lower(), "shape": list(t.dims),
                "values": [text(float(v)) for v in a.reshape(-1)],
                "proto": base64.b64encode(t.SerializeToString(deterministic=True)).decode()})
pathlib.Path(__file__).with_name("tensors.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")
print(len(out), "tensors")
