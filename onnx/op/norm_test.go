package op

import (
	"math"
	"testing"

	"autodeeplab/onnx"
)

func TestNormRule(t *testing.T) {
	x, c3 := "float[N,3,H,W]", "float[3]"
	training := onnx.AttrInt("training_mode", 1)
	for _, c := range []windowCase{
		{"BatchNormalization", 15, nil, []any{x, c3, c3, c3, c3}, 1, "float[N,3,H,W]"},
		{"BatchNormalization", 15, windowAttrs{training}, []any{x, "double[3]", "double[3]", "float16[3]", "float16[3]"}, 3, "float[N,3,H,W] float16[3] float16[3]"},
		{"BatchNormalization", 9, nil, []any{x, c3, c3, c3, c3}, 5, "float[N,3,H,W] float[3] float[3] float[3] float[3]"},
		{"BatchNormalization", 9, nil, []any{"float[N,?,H,W]", "float[?]", c3, "float[C]", "float[…]"}, 1, "float[N,3,H,W]"},
		{"BatchNormalization", 9, nil, []any{"float[7]", "float[1]", "float[1]", "float[1]", "float[1]"}, 1, "float[7]"},
		{"BatchNormalization", 7, windowAttrs{onnx.AttrInt("spatial", 0)}, []any{x, "float[3,4,5]", "float[3,4,5]", "float[3,4,5]", "float[3,4,5]"}, 1, x},
		{"BatchNormalization", 9, nil, []any{x, c3, "float[4]", c3, c3}, 1, "error: want 3 values, one a channel"},
		{"BatchNormalization", 9, nil, []any{x, "float[3,1,1]", c3, c3, c3}, 1, "error: want 1 dimension"},
		{"BatchNormalization", 15, nil, []any{x, c3, c3, c3, c3}, 3, "error: only with training_mode 1"},
		{"BatchNormalization", 15, windowAttrs{onnx.AttrFloat("epsilon", -1)}, []any{x, c3, c3, c3, c3}, 1, `error: attribute "epsilon" is -1`},
		{"BatchNormalization", 15, windowAttrs{onnx.AttrFloat("epsilon", float32(math.NaN()))}, []any{x, c3, c3, c3, c3}, 1, `error: attribute "epsilon" is NaN`},
		{"InstanceNormalization", 22, nil, []any{"float[2,C,5]", "float[4]", "float[?]"}, 1, "float[2,4,5]"},
		{"InstanceNormalization", 22, nil, []any{"float[2,3]", c3, c3}, 1, "error: want at least 3"},
		{"LayerNormalization", 17, nil, []any{"float16[2,N,5]", "float16[5]", nil}, 3, "float16[2,N,5] float[2,N,1] float[2,N,1]"},
		{"LayerNormalization", 17, windowAttrs{onnx.AttrInt("axis", 1), onnx.AttrInt("stash_type", 16)}, []any{"float[2,3,5]", "float[3,1]", "float[5]"}, 2, "float[2,3,5] bfloat16[2,1,1]"},
		{"LayerNormalization", 17, windowAttrs{onnx.AttrInt("stash_type", 11)}, []any{"float[2,5]", "float[5]"}, 1, `error: attribute "stash_type" is 11 (double)`},
		{"LayerNormalization", 17, windowAttrs{onnx.AttrInt("axis", 2)}, []any{"float[2,5]", "float[5]"}, 1, "error: want -2 to 1"},
		{"LayerNormalization", 17, nil, []any{"float[2,5]", "float[4]"}, 1, "error: does not broadcast"},
		{"LayerNormalization", 17, nil, []any{"float[5]", "float[1,5]"}, 1, "error: does not broadcast"},
	} {
		c.run(t)
	}
}
