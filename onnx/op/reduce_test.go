package op

import (
	"testing"

	"autodeeplab/onnx"
)

func TestReduceRule(t *testing.T) {
	axes := func(a ...int) *onnx.Attribute { return onnx.AttrInts("axes", a...) }
	drop, noop := onnx.AttrInt("keepdims", 0), onnx.AttrInt("noop_with_empty_axes", 1)
	for _, c := range []windowCase{
		{"ReduceMean", 11, windowAttrs{axes(1, -1)}, []any{"float[N,3,H,W]"}, 1, "float[N,1,H,1]"},
		{"ReduceMean", 11, windowAttrs{drop}, []any{"float[N,3]"}, 1, "float[]"},
		{"ReduceSum", 13, windowAttrs{drop}, []any{"int32[N,3,H]", windowInts(0)}, 1, "int32[3,H]"},
		{"ReduceSum", 13, windowAttrs{noop}, []any{"float[N,3]", windowInts()}, 1, "float[N,3]"},
		{"ReduceSum", 13, windowAttrs{noop}, []any{"float[N,3]"}, 1, "float[N,3]"},
		{"ReduceSum", 13, nil, []any{"float[N,3]", nil}, 1, "float[1,1]"},
		{"ReduceMax", 20, nil, []any{"bool[N,3]", "int64[?]"}, 1, "bool[?,?]"},
		{"ReduceMax", 20, windowAttrs{drop}, []any{"float[N,3,4]", "int64[2]"}, 1, "float[?]"},
		{"ReduceMax", 20, windowAttrs{drop}, []any{"float[N,3,4]", "int64[?]"}, 1, "float[…]"},
		{"ReduceMax", 20, windowAttrs{drop}, []any{"float[N,3,4]", "int64[0]"}, 1, "float[…]"},
		{"ReduceMin", 18, nil, []any{"float[…]", windowInts(0)}, 1, "float[…]"},
		{"ReduceMin", 18, nil, []any{"float[2,3]", windowInts(2)}, 1, "error: want -2 to 1"},
		{"ReduceMin", 18, nil, []any{"float[2,3]", windowInts(windowHuge)}, 1, "error: want -2 to 1"},
		{"ReduceMin", 18, nil, []any{"float[2,3]", windowInts(1, -1)}, 1, "error: names axis 1 twice"},
		{"ReduceMin", 18, windowAttrs{drop}, []any{"float[2,3]", "int64[3]"}, 1, "error: has only 2"},
		{"ReduceMin", 18, nil, []any{"float[2,3]", "int64[1,1]"}, 1, "error: want 1 dimension"},
		{"ReduceMin", 18, windowAttrs{onnx.AttrInt("keepdims", 2)}, []any{"float[2,3]"}, 1, "error: want 0 or 1"},
		{"ReduceMin", 18, windowAttrs{axes(1)}, []any{"float[2,3]"}, 1, `error: unknown attribute "axes"`},
		{"ReduceMax", 18, nil, []any{"bool[2,3]"}, 1, "error: is of type bool"},
	} {
		c.run(t)
	}
}
