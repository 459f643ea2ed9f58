package op

import (
	"testing"

	"autodeeplab/onnx"
)

func TestArgRule(t *testing.T) {
	for _, c := range []windowCase{
		{"ArgMax", 13, windowAttrs{onnx.AttrInt("axis", 1)}, []any{"float[N,19,H,W]"}, 1, "int64[N,1,H,W]"},
		{"ArgMin", 7, windowAttrs{onnx.AttrInt("axis", -1), onnx.AttrInt("keepdims", 0)}, []any{"uint8[N,19]"}, 1, "int64[N]"},
		{"ArgMax", 13, windowAttrs{onnx.AttrInt("axis", 2)}, []any{"float[N,19]"}, 1, "error: want -2 to 1"},
		{"ArgMax", 13, nil, []any{"float[0,19]"}, 1, "error: is empty"},
		{"ArgMax", 13, windowAttrs{onnx.AttrInt("select_last_index", -1)}, []any{"float[2,19]"}, 1, "error: want 0 or 1"},
		{"ArgMax", 13, nil, []any{"float[…]"}, 1, "int64[…]"},
	} {
		c.run(t)
	}
}
