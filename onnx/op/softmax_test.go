package op

import (
	"testing"

	"autodeeplab/onnx"
)

func TestSoftmaxRule(t *testing.T) {
	axis := func(a int) windowAttrs { return windowAttrs{onnx.AttrInt("axis", a)} }
	for _, c := range []windowCase{
		{"Softmax", 13, axis(-3), []any{"float[N,3,4]"}, 1, "float[N,3,4]"},
		{"LogSoftmax", 7, nil, []any{"double[N,3]"}, 1, "double[N,3]"},
		{"Softmax", 13, axis(3), []any{"float[N,3,4]"}, 1, "error: want -3 to 2"},
		{"Softmax", 13, nil, []any{"float[]"}, 1, "error: a scalar, which has no axis"},
		{"Softmax", 13, nil, []any{"float[…]"}, 1, "float[…]"},
	} {
		c.run(t)
	}
}
