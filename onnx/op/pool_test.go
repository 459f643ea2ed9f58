package op

import (
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

func TestPoolRule(t *testing.T) {
	kernel := func(k ...int) *onnx.Attribute { return onnx.AttrInts("kernel_shape", k...) }
	strides := func(k ...int) *onnx.Attribute { return onnx.AttrInts("strides", k...) }
	pads := func(k ...int) *onnx.Attribute { return onnx.AttrInts("pads", k...) }
	ceil, same := onnx.AttrInt("ceil_mode", 1), onnx.AttrString("auto_pad", "SAME_UPPER")
	for _, c := range []windowCase{
		{"MaxPool", 12, windowAttrs{kernel(3, 2)}, []any{"float[1,4,7,7]"}, 2, "float[1,4,5,6] int64[1,4,5,6]"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), pads(1, 1, 1, 1), strides(2, 2)}, []any{"uint8[N,4,9,10]"}, 1, "uint8[N,4,5,5]"},
		// The output is one shorter where ceil would add a window that starts in the padding.
		{"MaxPool", 12, windowAttrs{kernel(1, 1), strides(2, 2), ceil}, []any{"float[1,1,2,2]"}, 1, "float[1,1,1,1]"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), strides(2, 2), ceil}, []any{"float[1,1,4,4]"}, 1, "float[1,1,2,2]"},
		{"AveragePool", 19, windowAttrs{kernel(3), onnx.AttrInts("dilations", 2)}, []any{"double[2,3,9]"}, 1, "double[2,3,5]"},
		{"AveragePool", 11, windowAttrs{kernel(3, 3), strides(2, 2), same}, []any{"float[1,1,7,8]"}, 1, "float[1,1,4,4]"},
		{"AveragePool", 11, windowAttrs{kernel(3, 3), strides(3, 1), onnx.AttrString("auto_pad", "VALID")}, []any{"float[1,1,7,8]"}, 1, "float[1,1,2,6]"},
		// Unknown sizes: named where the window keeps them, anonymous else.
		{"MaxPool", 12, windowAttrs{kernel(3, 3), pads(1, 1, 1, 1)}, []any{"float[N,4,H,?]"}, 2, "float[N,4,H,?] int64[N,4,H,?]"},
		{"MaxPool", 12, windowAttrs{kernel(5, 3), same}, []any{"float[N,4,H,W]"}, 1, "float[N,4,H,W]"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), same, strides(2, 1)}, []any{"float[N,4,H,W]"}, 1, "float[N,4,?,W]"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3)}, []any{"float[N,4,H,9]"}, 1, "float[N,4,?,7]"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3)}, []any{"float[…]"}, 1, "float[…]"},

		{"MaxPool", 12, windowAttrs{}, []any{"float[1,1,4,4]"}, 1, `error: required attribute "kernel_shape"`},
		{"MaxPool", 12, windowAttrs{kernel(3)}, []any{"float[1,1,4,4]"}, 1, "error: has 1 values, want 2"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), strides(0, 1)}, []any{"float[1,1,4,4]"}, 1, "error: want values from 1"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), pads(0, 0, 0, -1)}, []any{"float[1,1,4,4]"}, 1, "error: want values from 0"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), pads(0, 0, 0, 1<<62)}, []any{"float[1,1,4,4]"}, 1, "error: want values from 0"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), pads(1<<30, 1<<30, 1<<30, 1<<30)}, []any{"float[1,1,4,4]"}, 1, "error: over the limit"},
		{"MaxPool", 12, windowAttrs{kernel(windowHuge, windowHuge)}, []any{"float[1,1,4,4]"}, 1, "error: want values from 1"},
		{"MaxPool", 12, windowAttrs{kernel(1<<30, 1), onnx.AttrInts("dilations", 1<<30, 1)}, []any{"float[1,1,4,4]"}, 1, "error: does not fit a source of 4"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3)}, []any{Of(tensor.Float32, 1, 1, windowHuge, 3)}, 1, "error: over the limit"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3)}, []any{"float[1,1,2,4]"}, 1, "error: does not fit a source of 2"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3)}, []any{"float[1,4]"}, 1, "error: want at least 3 dimensions"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), same, pads(1, 1, 1, 1)}, []any{"float[1,1,4,4]"}, 1, "error: exclude each other"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), onnx.AttrString("auto_pad", "SAME")}, []any{"float[1,1,4,4]"}, 1, "error: want NOTSET"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), onnx.AttrInt("ceil_mode", 2)}, []any{"float[1,1,4,4]"}, 1, "error: want 0 or 1"},
		{"MaxPool", 12, windowAttrs{kernel(3, 3), onnx.AttrInt("storage_order", 2)}, []any{"float[1,1,4,4]"}, 1, "error: column major"},
		{"MaxPool", 7, windowAttrs{kernel(3, 3)}, []any{"float[1,1,4,4]"}, 2, "error: 2 outputs, want 1"},
		{"MaxPool", 11, windowAttrs{kernel(3, 3)}, []any{"int8[1,1,4,4]"}, 1, "error: is of type int8"},

		{"GlobalAveragePool", 22, nil, []any{"float[N,C,H,5]"}, 1, "float[N,C,1,1]"},
		{"GlobalMaxPool", 7, nil, []any{"float16[2,3,4]"}, 1, "float16[2,3,1]"},
		{"GlobalMaxPool", 7, nil, []any{"float[2]"}, 1, "error: want at least 2"},
		{"GlobalMaxPool", 7, nil, []any{"float[…]"}, 1, "float[…]"},
	} {
		c.run(t)
	}
}
