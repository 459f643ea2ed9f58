package op

import (
	"testing"

	"autodeeplab/onnx"
)

func TestBroadcastRules(t *testing.T) {
	for _, c := range []windowCase{
		{"Add", 7, nil, []any{"float[N,80,H,W]", "float[N,80,H,W]"}, 1, "float[N,80,H,W]"},
		{"Add", 14, nil, []any{"float[N,80,H,W]", "float[80,1,1]"}, 1, "float[N,80,H,W]"},
		{"Sub", 13, nil, []any{"float[80,1,1]", "float[N,80,H,W]"}, 1, "float[N,80,H,W]"},
		{"Mul", 14, nil, []any{"uint8[]", "uint8[2,1]"}, 1, "uint8[2,1]"},
		{"Div", 14, nil, []any{"double[N]", "double[M]"}, 1, "double[?]"},
		{"Add", 14, nil, []any{"float[?]", "float[?]"}, 1, "float[?]"},
		{"Add", 14, nil, []any{"float[N]", "float[7]"}, 1, "float[7]"},
		{"Add", 14, nil, []any{"float[N]", "float[1]"}, 1, "float[N]"},
		{"Add", 14, nil, []any{"float[0]", "float[1]"}, 1, "float[0]"},
		{"Add", 14, nil, []any{"float[…]", "float[3]"}, 1, "float[…]"},
		{"Add", 14, nil, []any{"float[2,3]", "float[2]"}, 1, `error: input "B" of shape float[2] does not broadcast with the others: 3 and 2`},
		{"Add", 14, nil, []any{"float[3]", "double[3]"}, 1, "error: the same type"},
		{"Add", 13, nil, []any{"int8[3]", "int8[3]"}, 1, "error: is of type int8"},
		{"Min", 8, nil, []any{"float[2,1]"}, 1, "float[2,1]"},
		{"Max", 13, nil, []any{"int8[2,1]", "int8[3]", "int8[4,1,1]"}, 1, "int8[4,2,3]"},
		{"Max", 13, nil, []any{"int8[2,1]", "int8[3]", "int8[4]"}, 1, "error: 3 and 4"},
		{"Pow", 15, nil, []any{"int32[2]", "float[3,1]"}, 1, "int32[3,2]"},
		{"Pow", 7, nil, []any{"float[2]", "double[2]"}, 1, "error: the same type"},
		{"Equal", 19, nil, []any{"string[2,1]", "string[3]"}, 1, "bool[2,3]"},
		{"Equal", 7, nil, []any{"float[2]", "float[2]"}, 1, "error: is of type float"},
		{"Less", 13, nil, []any{"float16[N]", "float16[]"}, 1, "bool[N]"},
		{"GreaterOrEqual", 16, nil, []any{"bfloat16[N]", "bfloat16[1,1]"}, 1, "bool[1,N]"},
		{"And", 7, nil, []any{"bool[2,1]", "bool[1,3]"}, 1, "bool[2,3]"},
		{"Or", 7, nil, []any{"int8[2]", "int8[2]"}, 1, "error: is of type int8"},
		{"PRelu", 16, nil, []any{"float[N,3,H,W]", "float[3,1,1]"}, 1, "float[N,3,H,W]"},
		{"PRelu", 9, nil, []any{"float[3]", "float[2,3]"}, 1, "error: slope of shape float[2,3] does not broadcast to X of shape float[3]"},
		{"PRelu", 9, nil, []any{"float[1]", "float[3]"}, 1, "error: does not broadcast to X"},
		{"PRelu", 9, nil, []any{"float[2]", "float[3]"}, 1, "error: 2 and 3"},
		{"PRelu", 9, nil, []any{"float[?]", "float[3]"}, 1, "float[?]"},
		{"Where", 16, nil, []any{"bool[2,1]", "int64[3]", "int64[]"}, 1, "int64[2,3]"},
		{"Where", 9, nil, []any{"bool[N]", "string[1]", "string[1]"}, 1, "string[N]"},
		{"Where", 9, nil, []any{"int8[2]", "float[2]", "float[2]"}, 1, "error: is of type int8"},
		{"Where", 9, nil, []any{"bool[2]", "float[3]", "float[3]"}, 1, `error: input "X"`},
	} {
		c.run(t)
	}
}

func TestUnaryRules(t *testing.T) {
	for _, name := range []string{"Abs", "Neg", "Sqrt", "Exp", "Log", "Floor", "Ceil", "Erf", "Relu", "LeakyRelu", "HardSigmoid", "Sigmoid", "Tanh"} {
		windowCase{name, 9, nil, []any{"float[N,?,3]"}, 1, "float[N,?,3]"}.run(t)
		windowCase{name, 13, nil, []any{"double[…]"}, 1, "double[…]"}.run(t)
		windowCase{name, 13, nil, []any{"bool[1]"}, 1, "error: is of type bool"}.run(t)
	}
	for _, c := range []windowCase{
		{"Round", 11, nil, []any{"float[]"}, 1, "float[]"},
		{"Round", 10, nil, []any{"float[]"}, 1, "error: it exists from opset 11"},
		{"HardSwish", 14, nil, []any{"float[N]"}, 1, "float[N]"},
		{"Gelu", 20, windowAttrs{onnx.AttrString("approximate", "tanh")}, []any{"float16[N]"}, 1, "float16[N]"},
		{"Not", 7, nil, []any{"bool[N]"}, 1, "bool[N]"},
		{"Relu", 14, nil, []any{"int8[N]"}, 1, "int8[N]"},
		{"Relu", 13, nil, []any{"int8[N]"}, 1, "error: is of type int8"},
		{"Relu", 14, nil, []any{"uint8[N]"}, 1, "error: is of type uint8"},
	} {
		c.run(t)
	}
}

func TestClipAndDropoutRules(t *testing.T) {
	for _, c := range []windowCase{
		{"Clip", 7, windowAttrs{onnx.AttrFloat("min", 0)}, []any{"float[N]"}, 1, "float[N]"},
		{"Clip", 10, nil, []any{"float[N]", "float[]"}, 1, "error: 2 inputs"},
		{"Clip", 11, windowAttrs{onnx.AttrFloat("min", 0)}, []any{"float[N]"}, 1, `error: unknown attribute "min"`},
		{"Clip", 13, nil, []any{"uint8[N]", "uint8[]", "uint8[1]"}, 1, "uint8[N]"},
		{"Clip", 13, nil, []any{"uint8[N]", nil, "uint8[?]"}, 1, "uint8[N]"},
		{"Clip", 13, nil, []any{"float[N]", "float[2]"}, 1, `error: input "min" has shape float[2], want a scalar`},
		{"Clip", 13, nil, []any{"float[N]", nil, "float[1,1]"}, 1, `error: input "max" has shape float[1,1], want a scalar`},
		{"Clip", 11, nil, []any{"int8[N]"}, 1, "error: is of type int8"},
		{"Dropout", 7, nil, []any{"float16[N,2]"}, 2, "float16[N,2] float16[N,2]"},
		{"Dropout", 10, nil, []any{"float16[N,2]"}, 2, "float16[N,2] bool[N,2]"},
		{"Dropout", 13, nil, []any{"float[N,2]", "float[]", "bool[]"}, 2, "float[N,2] bool[N,2]"},
		{"Dropout", 13, nil, []any{"float[N,2]", nil, "bool[2]"}, 1, `error: input "training_mode" has shape bool[2], want a scalar`},
	} {
		c.run(t)
	}
}
