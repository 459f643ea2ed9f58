package op

import (
	"testing"

	"autodeeplab/onnx"
)

func TestTopKRule(t *testing.T) {
	for _, c := range []windowCase{
		{"TopK", 7, windowAttrs{onnx.AttrInt("k", 2)}, []any{"float[N,5]"}, 2, "float[N,2] int64[N,2]"},
		{"TopK", 11, windowAttrs{onnx.AttrInt("axis", 0)}, []any{"int32[N,5]", windowInts(3)}, 2, "int32[3,5] int64[3,5]"},
		{"TopK", 11, nil, []any{"float[N,5]", windowPartial(Named("K"))}, 2, "float[N,K] int64[N,K]"},
		{"TopK", 11, nil, []any{"float[N,5]", "int64[1]"}, 2, "float[N,?] int64[N,?]"},
		{"TopK", 11, nil, []any{"float[N,5]", windowInts(6)}, 2, "error: has only 5"},
		{"TopK", 11, nil, []any{"float[N,5]", windowInts(-1)}, 2, "error: want 0 or more"},
		{"TopK", 7, windowAttrs{onnx.AttrInt("k", -1)}, []any{"float[N,5]"}, 2, "error: want 0 or more"},
		{"TopK", 11, nil, []any{"float[N,5]", windowInts(1, 2)}, 2, "error: want a single number"},
		{"TopK", 11, windowAttrs{onnx.AttrInt("largest", 3)}, []any{"float[N,5]", windowInts(1)}, 2, "error: want 0 or 1"},
		{"TopK", 11, nil, []any{"float[]", windowInts(1)}, 2, "error: a scalar"},
	} {
		c.run(t)
	}
}
