package op

import (
	"math"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

func TestQuantizeRules(t *testing.T) {
	axis := func(n int) *onnx.Attribute { return onnx.AttrInt("axis", n) }
	block := func(n int) *onnx.Attribute { return onnx.AttrInt("block_size", n) }
	to := func(d tensor.DType) *onnx.Attribute { return onnx.AttrInt("output_dtype", int(d)) }
	for _, c := range []windowCase{
		{"QuantizeLinear", 10, nil, []any{"float[N,3]", "float[]"}, 1, "uint8[N,3]"},
		{"QuantizeLinear", 10, nil, []any{"float[N,3]", "float[1]", "int8[1]"}, 1, "int8[N,3]"},
		{"QuantizeLinear", 10, nil, []any{"float[N,3]", "float[1]", "int8[]"}, 1, "int8[N,3]"},
		{"QuantizeLinear", 10, nil, []any{"float[N,3]", "float[3]", "int8[3]"}, 1, "error: needs opset 13"},
		{"QuantizeLinear", 13, nil, []any{"float[N,3,H]", "float[3]", "int8[3]"}, 1, "int8[N,3,H]"},
		{"QuantizeLinear", 13, windowAttrs{axis(-1)}, []any{"float[N,3,H]", "float[5]", "uint8[5]"}, 1, "uint8[N,3,H]"},
		{"QuantizeLinear", 13, windowAttrs{axis(2)}, []any{"float[N,3,4]", "float[5]"}, 1, `error: input "y_scale" is float[5], want a scalar or shape float[4] for data of shape float[N,3,4] and axis 2`},
		{"QuantizeLinear", 13, windowAttrs{axis(3)}, []any{"float[N,3,4]", "float[5]"}, 1, "error: want -3 to 2"},
		{"QuantizeLinear", 13, nil, []any{"float[N,3]", "float[3]", "int8[]"}, 1, `error: input "y_zero_point" is int8[], want the shape of input "y_scale", float[3]`},
		{"QuantizeLinear", 13, nil, []any{"float[N,3]", "float[3,1]"}, 1, "error: a scalar or a list"},
		{"QuantizeLinear", 13, nil, []any{"float[…]", "float[?]"}, 1, "uint8[…]"},
		{"QuantizeLinear", 13, nil, []any{"float[N,3]", "float[?]"}, 1, "uint8[N,3]"},
		{"QuantizeLinear", 21, windowAttrs{to(tensor.Int16)}, []any{"float[N]", "float[]"}, 1, "int16[N]"},
		{"QuantizeLinear", 21, windowAttrs{to(tensor.Int16)}, []any{"float[N]", "float[]", "uint8[]"}, 1, "error: attribute output_dtype is int16, but"},
		{"QuantizeLinear", 21, windowAttrs{to(tensor.Float32)}, []any{"float[N]", "float[]"}, 1, "error: attribute output_dtype is float, want one of"},
		{"QuantizeLinear", 21, windowAttrs{block(2)}, []any{"float[4,5]", "float[4,3]", "int8[4,3]"}, 1, "int8[4,5]"},
		{"QuantizeLinear", 21, windowAttrs{block(2), axis(0)}, []any{"float[N,5]", "float[?,5]"}, 1, "uint8[N,5]"},
		{"QuantizeLinear", 21, windowAttrs{block(2)}, []any{"float[4,5]", "float[4,2]"}, 1, "error: shape float[4,3]"},
		{"QuantizeLinear", 21, windowAttrs{block(-2)}, []any{"float[4,5]", "float[4,3]"}, 1, "error: block_size is -2"},
		{"QuantizeLinear", 21, windowAttrs{block(math.MaxInt64)}, []any{"float[4,5]", "float[4,1]"}, 1, "uint8[4,5]"},
		{"QuantizeLinear", 21, nil, []any{"float[4,5]", "float[4,3]"}, 1, "error: blocks need the attribute block_size"},
		{"QuantizeLinear", 19, nil, []any{"float[4,5]", "float16[]"}, 1, "error: the same type"},
		{"QuantizeLinear", 23, nil, []any{"float[4,5]", "float16[]"}, 1, "uint8[4,5]"},
		{"DequantizeLinear", 10, nil, []any{"uint8[N]", "float[]", "uint8[]"}, 1, "float[N]"},
		{"DequantizeLinear", 10, nil, []any{"uint8[N]", "float[]", "int8[]"}, 1, "error: the same type"},
		{"DequantizeLinear", 19, nil, []any{"int32[N]", "float16[]"}, 1, "float16[N]"},
		{"DequantizeLinear", 23, nil, []any{"int16[N]", "bfloat16[]"}, 1, "bfloat16[N]"},
		{"DequantizeLinear", 23, windowAttrs{to(tensor.Float32)}, []any{"int16[N]", "bfloat16[]"}, 1, "float[N]"},
		{"DequantizeLinear", 23, windowAttrs{to(tensor.Int8)}, []any{"int16[N]", "bfloat16[]"}, 1, "error: attribute output_dtype is int8"},
		{"DequantizeLinear", 21, windowAttrs{block(3), axis(0)}, []any{"int8[4,5]", "float[2,5]", "int8[2,5]"}, 1, "float[4,5]"},
		{"DynamicQuantizeLinear", 11, nil, []any{"float[N,3]"}, 3, "uint8[N,3] float[] uint8[]"},
		{"DynamicQuantizeLinear", 11, nil, []any{"double[N,3]"}, 3, "error: is of type double"},
		{"Cast", 13, windowAttrs{onnx.AttrInt("to", 10)}, []any{"string[N]"}, 1, "float16[N]"},
		{"Cast", 13, nil, []any{"float[N]"}, 1, `error: required attribute "to"`},
		{"Cast", 7, windowAttrs{onnx.AttrInt("to", 8)}, []any{"float[N]"}, 1, `error: attribute "to" is string`},
		{"Cast", 13, windowAttrs{onnx.AttrInt("to", 99)}, []any{"float[N]"}, 1, `error: attribute "to" is type#99`},
		{"Cast", 13, windowAttrs{onnx.AttrInt("to", -1)}, []any{"float[N]"}, 1, `error: attribute "to" is type#-1`},
	} {
		c.run(t)
	}
}
