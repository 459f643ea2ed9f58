package op

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

func attrInt(name string, v int) []*onnx.Attribute {
	return []*onnx.Attribute{onnx.AttrInt(name, v)}
}

// list describes a list of which only some elements are known.
func list(dims ...Dim) Info {
	return Info{DType: tensor.Int64, Dims: []Dim{Known(len(dims))}, Shape: dims}
}

func TestConcatRule(t *testing.T) {
	for _, c := range []windowCase{
		{"Concat", 13, attrInt("axis", 1), []any{"float[N,3,?]", "float[?,5,W]"}, 1, "float[N,8,W]"},
		{"Concat", 13, attrInt("axis", -1), []any{"float[N,H]", "float[N,0]"}, 1, "float[N,H]"},
		{"Concat", 13, attrInt("axis", 0), []any{"float[H]", "float[H]"}, 1, "float[?]"},
		{"Concat", 13, attrInt("axis", 0), []any{"float[…]", "float[2,3]"}, 1, "float[?,3]"},
		{"Concat", 13, attrInt("axis", 0), []any{"float[…]"}, 1, "float[…]"},
		{"Concat", 13, attrInt("axis", 0), []any{"float[2,3]", "float[2,4]"}, 1, "error: want dimension 1 to be 3"},
		{"Concat", 13, attrInt("axis", 0), []any{"float[2,3]", "float[2]"}, 1, "error: want 2 dimensions"},
		{"Concat", 13, attrInt("axis", 2), []any{"float[2,3]"}, 1, "error: want -2 to 1"},
		{"Concat", 13, attrInt("axis", 0), []any{"float[]"}, 1, "error: scalar"},
		{"Concat", 13, nil, []any{"float[2]"}, 1, `error: required attribute "axis"`},
		{"Concat", 13, attrInt("axis", 0), []any{Of(tensor.Float32, math.MaxInt), Of(tensor.Float32, 2)}, 1, "error: over the limit"},
	} {
		c.run(t)
	}
}

func TestSplitRule(t *testing.T) {
	sizes := func(v ...int) []*onnx.Attribute { return []*onnx.Attribute{onnx.AttrInts("split", v...)} }
	for _, c := range []windowCase{
		{"Split", 11, sizes(1, 2), []any{"float[?,W]"}, 2, "float[1,W] float[2,W]"},
		{"Split", 13, attrInt("axis", 1), []any{"float[N,6]"}, 2, "float[N,3] float[N,3]"},
		{"Split", 13, nil, []any{"float[N,6]"}, 2, "float[?,6] float[?,6]"},
		{"Split", 13, nil, []any{"float[N,6]"}, 1, "float[N,6]"},
		{"Split", 13, nil, []any{"float[5,6]", "int64[2]"}, 2, "float[?,6] float[?,6]"},
		{"Split", 18, attrInt("num_outputs", 3), []any{"float[7]"}, 3, "float[3] float[3] float[1]"},
		{"Split", 18, attrInt("num_outputs", 5), []any{"float[6]"}, 5, "error: does not divide into 5 outputs"},
		{"Split", 18, attrInt("num_outputs", 3), []any{"float[6]"}, 2, "error: 3, but the node has 2 outputs"},
		{"Split", 18, attrInt("num_outputs", 2), []any{"float[6]", windowInts(3, 3)}, 2, "error: both given"},
		{"Split", 18, nil, []any{"float[6]"}, 2, "error: neither"},
		{"Split", 13, nil, []any{"float[7]"}, 2, "error: does not divide into 2 equal outputs"},
		{"Split", 13, nil, []any{"float[6]", windowInts(3, 4)}, 2, "error: adds up to 7, but the axis has 6"},
		{"Split", 13, nil, []any{"float[6]", windowInts(7, -1)}, 2, "error: 0 or more"},
		{"Split", 13, nil, []any{"float[6]", windowInts(windowHuge, windowHuge)}, 2, "error: over the limit"},
		{"Split", 13, nil, []any{"float[6]", "int64[3]"}, 2, "error: 3 sizes for 2 outputs"},
		{"Split", 13, attrInt("axis", 1), []any{"float[6]"}, 2, "error: want -1 to 0"},
	} {
		c.run(t)
	}
}

func TestSliceRule(t *testing.T) {
	i := windowInts
	for _, c := range []windowCase{
		{"Slice", 9, []*onnx.Attribute{onnx.AttrInts("starts", 0, 1), onnx.AttrInts("ends", math.MaxInt64, 3)}, []any{"float[N,4,?]"}, 1, "float[N,2,?]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", i(0), i(math.MaxInt32), i(2)}, 1, "float[N,4,W]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", i(0), i(5), i(-1)}, 1, "float[N,4,?]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", i(-1), i(math.MinInt64), i(2), i(-1)}, 1, "float[N,4,W]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", i(0), list(Named("W")), i(2)}, 1, "float[N,4,W]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", i(0), list(Named("H")), i(2)}, 1, "float[N,4,?]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", "int64[1]", "int64[1]", i(1)}, 1, "float[N,?,W]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", "int64[2]", "int64[2]"}, 1, "float[?,?,W]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", "int64[?]", "int64[?]"}, 1, "float[?,?,?]"},
		{"Slice", 13, nil, []any{"float[N,4,W]", "int64[?]", "int64[?]", "int64[?]", i(1)}, 1, "float[?,?,?]"},
		{"Slice", 13, nil, []any{"float[…]", i(0), i(1)}, 1, "float[…]"},
		{"Slice", 13, nil, []any{"float[9]", i(8), i(0), i(0), i(math.MinInt64)}, 1, "float[1]"},
		{"Slice", 13, nil, []any{"float[9]", i(math.MinInt64), i(math.MaxInt64), nil, i(math.MaxInt64)}, 1, "float[1]"},
		{"Slice", 13, nil, []any{"float[9]", i(0), i(1), i(0), i(0)}, 1, "error: steps other than 0"},
		{"Slice", 13, nil, []any{"float[9]", i(0, 0), i(1, 1), i(0, -1)}, 1, "error: names axis 0 twice"},
		{"Slice", 13, nil, []any{"float[9]", i(0), i(1), i(math.MinInt64)}, 1, "error: want -1 to 0"},
		{"Slice", 13, nil, []any{"float[9]", i(0, 0), i(1, 1)}, 1, "error: 2 elements for an input of 1 dimensions"},
		{"Slice", 13, nil, []any{"float[9]", i(0), i(1, 2)}, 1, `error: input "ends" has 2 elements, but input "starts" has 1`},
		{"Slice", 13, nil, []any{"float[9]", "int64[?]", "int64[?]", i(0), i(1, 2)}, 1, `error: input "steps" has 2 elements`},
		{"Slice", 13, nil, []any{"float[9]", "int64[1,1]", i(0)}, 1, "error: want 1 dimension"},
	} {
		c.run(t)
	}
}

func TestGatherRule(t *testing.T) {
	for _, c := range []windowCase{
		{"Gather", 13, attrInt("axis", 1), []any{"float[N,4,W]", "int32[K,2]"}, 1, "float[N,K,2,W]"},
		{"Gather", 13, nil, []any{"float[N,4]", tensor.Scalar[int64](-7)}, 1, "float[4]"},
		{"Gather", 13, nil, []any{"float[N,4]", "int64[…]"}, 1, "float[…]"},
		{"Gather", 13, attrInt("axis", -1), []any{"float[N,4]", windowInts(4)}, 1, "error: index #0 is 4, want -4 to 3 along axis 1"},
		{"Gather", 13, nil, []any{"float[0]", tensor.Of([]int32{0}, 1)}, 1, "error: index #0 is 0, want 0 to -1"},
		{"Gather", 13, attrInt("axis", 2), []any{"float[N,4]", windowInts(0)}, 1, "error: want -2 to 1"},
		{"Gather", 13, nil, []any{"float[N,4]", "float[1]"}, 1, "error: is of type float"},
	} {
		c.run(t)
	}
}

func TestPadRule(t *testing.T) {
	mode := func(m string) []*onnx.Attribute { return []*onnx.Attribute{onnx.AttrString("mode", m)} }
	i := windowInts
	for _, c := range []windowCase{
		{"Pad", 10, []*onnx.Attribute{onnx.AttrInts("pads", 0, 1, 0, 2)}, []any{"float[N,3]"}, 1, "float[N,6]"},
		{"Pad", 13, nil, []any{"float[N,3,W]", i(0, 1, 0, 0, 2, 1)}, 1, "float[N,6,?]"},
		{"Pad", 13, nil, []any{"float[N,3]", "int64[4]"}, 1, "float[?,?]"},
		{"Pad", 18, nil, []any{"float[N,3,W]", "int64[2]", nil, tensor.Of([]int32{-1}, 1)}, 1, "float[N,3,?]"},
		{"Pad", 18, nil, []any{"float[N,3,W]", "int64[2]", nil, "int64[1]"}, 1, "float[?,?,?]"},
		{"Pad", 18, nil, []any{"float[…]", i(1, 1)}, 1, "float[…]"},
		{"Pad", 13, nil, []any{"float[5]", i(-7, 2)}, 1, "float[0]"},
		{"Pad", 13, nil, []any{"float[5]", i(-7, 1)}, 1, "error: crop more than its 5 elements"},
		{"Pad", 13, mode("edge"), []any{"float[5]", i(-7, 3)}, 1, "error: nothing to repeat"},
		{"Pad", 13, mode("reflect"), []any{"float[0]", i(1, 0)}, 1, "error: nothing to repeat"},
		{"Pad", 13, mode("wrap"), []any{"float[5]", i(1, 0)}, 1, `error: "wrap", want one of [constant reflect edge]`},
		{"Pad", 19, mode("wrap"), []any{"float[5]", i(1, 0)}, 1, "float[6]"},
		{"Pad", 13, nil, []any{"float[5]", i(1, math.MaxInt64)}, 1, "error: over the limit"},
		{"Pad", 13, nil, []any{"float[5]", i(math.MinInt64, 0)}, 1, "error: over the limit"},
		{"Pad", 13, nil, []any{"float[5]", i(1, 2, 3)}, 1, "error: 3 elements, want 2"},
		{"Pad", 13, nil, []any{"float[5]", i(1, 2), "float[2]"}, 1, "error: want a scalar"},
		{"Pad", 18, nil, []any{"float[5]", i(1, 2), nil, i(1)}, 1, "error: want -1 to 0"},
		{"Pad", 18, nil, []any{"float[5]", i(1, 2, 1, 1), nil, i(0, -1)}, 1, "error: names axis 0 twice"},
	} {
		c.run(t)
	}
}

func TestReshapeRule(t *testing.T) {
	i := windowInts
	zero := attrInt("allowzero", 1)
	for _, c := range []windowCase{
		{"Reshape", 13, nil, []any{"float[N,3,H,W]", i(0, 0, -1)}, 1, "float[N,3,?]"},
		{"Reshape", 13, nil, []any{"float[N,6,W]", i(0, 2, 3, -1)}, 1, "float[N,2,3,W]"},
		{"Reshape", 13, nil, []any{"float[N,1,1]", i(-1)}, 1, "float[N]"},
		{"Reshape", 13, nil, []any{"float[?,6]", i(0, -1)}, 1, "float[?,6]"},
		{"Reshape", 13, nil, []any{"float[…]", i(0, 2, -1)}, 1, "float[?,2,?]"},
		{"Reshape", 13, nil, []any{"float[2,6]", "int64[1]"}, 1, "float[12]"},
		{"Reshape", 13, nil, []any{"float[2,6]", "int64[2]"}, 1, "float[?,?]"},
		{"Reshape", 13, nil, []any{"float[2,6]", "int64[?]"}, 1, "float[…]"},
		{"Reshape", 13, nil, []any{"float[2,6]", "int64[0]"}, 1, "error: has 12 elements"},
		{"Reshape", 13, nil, []any{"float[N,6,H,W]", list(Named("N"), Named(""), Named("W"), Named("H"))}, 1, "float[N,6,W,H]"},
		{"Reshape", 13, nil, []any{"float[4,6]", list(Named("K"), Known(3))}, 1, "float[8,3]"},
		{"Reshape", 13, nil, []any{"float[N,6]", list(Named("K"), Known(3))}, 1, "float[K,3]"},
		{"Reshape", 13, nil, []any{"float[N,6]", list(Named("K"), Known(0))}, 1, "float[K,6]"},
		{"Reshape", 14, zero, []any{"float[0,6]", i(2, 0)}, 1, "float[2,0]"},
		{"Reshape", 14, zero, []any{"float[0,6]", i(-1, 0)}, 1, "error: no -1 next to a 0"},
		{"Reshape", 13, nil, []any{"float[0,6]", i(-1, 0)}, 1, "float[0,6]"},
		{"Reshape", 13, nil, []any{"float[0,6]", i(0, -1)}, 1, "error: any size would do"},
		{"Reshape", 13, nil, []any{"float[2,6]", i(5, -1)}, 1, "error: 12 elements are no multiple of 5"},
		{"Reshape", 13, nil, []any{"float[2,6]", i(-1, -1)}, 1, "error: at most one -1"},
		{"Reshape", 13, nil, []any{"float[2,6]", i(-2)}, 1, "error: want sizes, 0 or -1"},
		{"Reshape", 13, nil, []any{"float[2,6]", i(3, 5)}, 1, "error: has 12 elements"},
		{"Reshape", 13, nil, []any{"float[2,6]", i(2, 6, 0)}, 1, "error: dimension 2 of the new shape is to be copied"},
		{"Reshape", 13, nil, []any{"float[2,6]", i(windowHuge, windowHuge)}, 1, "error: "},
		{"Reshape", 13, nil, []any{"float[2,6]", i(windowHuge, windowHuge, -1)}, 1, "error: over the limit"},
		{"Reshape", 13, nil, []any{"float[2]", Of(tensor.Int64, math.MaxInt)}, 1, "error: over the limit"},
		{"Reshape", 13, nil, []any{"float[2]", "int64[]"}, 1, "error: want 1 dimension"},
		{"Flatten", 13, nil, []any{"float[N,3,4]"}, 1, "float[N,12]"},
		{"Flatten", 13, attrInt("axis", 3), []any{"float[N,3,4]"}, 1, "float[?,1]"},
		{"Flatten", 13, attrInt("axis", 0), []any{"float[]"}, 1, "float[1,1]"},
		{"Flatten", 13, nil, []any{"float[…]"}, 1, "float[?,?]"},
		{"Flatten", 13, attrInt("axis", 4), []any{"float[N,3,4]"}, 1, "error: want -3 to 3"},
		{"Flatten", 13, nil, []any{Of(tensor.Float32, 2, math.MaxInt, 2)}, 1, "error: over the limit"},
		{"Identity", 16, nil, []any{"float[N,?]"}, 1, "float[N,?]"},
	} {
		c.run(t)
	}
}

func TestSqueezeRule(t *testing.T) {
	i := windowInts
	axes := func(v ...int) []*onnx.Attribute { return []*onnx.Attribute{onnx.AttrInts("axes", v...)} }
	for _, c := range []windowCase{
		{"Squeeze", 11, axes(-1), []any{"float[N,3,?]"}, 1, "float[N,3]"},
		{"Squeeze", 13, nil, []any{"float[1,3,1]"}, 1, "float[3]"},
		{"Squeeze", 13, nil, []any{"float[1,3,1]", i()}, 1, "float[1,3,1]"},
		{"Squeeze", 13, nil, []any{"float[1,N]"}, 1, "float[…]"},
		{"Squeeze", 13, nil, []any{"float[1,N,1]", "int64[2]"}, 1, "float[?]"},
		{"Squeeze", 13, nil, []any{"float[1,N]", "int64[3]"}, 1, "error: 3 elements"},
		{"Squeeze", 13, nil, []any{"float[2,3]", i(0)}, 1, "error: is 2 long, want 1"},
		{"Squeeze", 13, nil, []any{"float[1,3]", i(0, -2)}, 1, "error: names axis 0 twice"},
		{"Squeeze", 13, nil, []any{"float[1,3]", i(windowHuge)}, 1, "error: want -2 to 1"},
		{"Unsqueeze", 11, axes(0, -1), []any{"float[N,0]"}, 1, "float[1,N,0,1]"},
		{"Unsqueeze", 13, nil, []any{"float[N]", tensor.Scalar[int64](1)}, 1, "float[N,1]"},
		{"Unsqueeze", 13, nil, []any{"float[N]", "int64[2]"}, 1, "float[?,?,?]"},
		{"Unsqueeze", 13, nil, []any{"float[N]", "int64[?]"}, 1, "float[…]"},
		{"Unsqueeze", 13, nil, []any{"float[N]", i(0, 0)}, 1, "error: names axis 0 twice"},
		{"Unsqueeze", 13, nil, []any{"float[N]", i(2)}, 1, "error: want -2 to 1"},
		{"Unsqueeze", 13, nil, []any{"float[N]", Of(tensor.Int64, 1<<40)}, 1, "error: over the limit"},
	} {
		c.run(t)
	}
}

func TestTransposeRule(t *testing.T) {
	perm := func(v ...int) []*onnx.Attribute { return []*onnx.Attribute{onnx.AttrInts("perm", v...)} }
	for _, c := range []windowCase{
		{"Transpose", 13, perm(0, 2, 3, 1), []any{"float[N,3,H,W]"}, 1, "float[N,H,W,3]"},
		{"Transpose", 13, nil, []any{"float[N,3]"}, 1, "float[3,N]"},
		{"Transpose", 13, perm(1, 0), []any{"float[…]"}, 1, "float[?,?]"},
		{"Transpose", 13, perm(0, 0), []any{"float[N,3]"}, 1, "error: want each of 0 to 1 once"},
		{"Transpose", 13, perm(0, -1), []any{"float[N,3]"}, 1, "error: want each of 0 to 1 once"},
		{"Transpose", 13, perm(0), []any{"float[N,3]"}, 1, "error: want each of 0 to 1 once"},
		{"Transpose", 13, perm(), []any{"float[N,3]"}, 1, "error: is empty"},
	} {
		c.run(t)
	}
}

func TestExpandRule(t *testing.T) {
	i := windowInts
	for _, c := range []windowCase{
		{"Expand", 13, nil, []any{"float[N,1]", i(5, 1, 4)}, 1, "float[5,N,4]"},
		{"Expand", 13, nil, []any{"float[N,3]", list(Named("M"), Named("W"))}, 1, "float[?,3]"},
		{"Expand", 13, nil, []any{"float[1,1]", list(Named("M"), Named("W"))}, 1, "float[M,W]"},
		{"Expand", 13, nil, []any{"float[N]", list(Named("N"))}, 1, "float[N]"},
		{"Expand", 13, nil, []any{"float[3]", "int64[?]"}, 1, "float[…]"},
		{"Expand", 13, nil, []any{"float[2,3]", i(2, 4)}, 1, "error: does not broadcast"},
		{"Expand", 13, nil, []any{"float[2,3]", i(-1, 3)}, 1, "error: 0 or more"},
		{"Expand", 13, nil, []any{"float[1]", i(windowHuge)}, 1, "error: over the limit"},
		{"Expand", 13, nil, []any{"float[1]", i(1<<20, 1<<20)}, 1, "error: over the limit"},
		{"Tile", 13, nil, []any{"float[N,3]", i(1, 2)}, 1, "float[N,6]"},
		{"Tile", 13, nil, []any{"float[N,3]", i(0, 2)}, 1, "float[0,6]"},
		{"Tile", 13, nil, []any{"float[1,3]", list(Named("K"), Named("K"))}, 1, "float[K,?]"},
		{"Tile", 13, nil, []any{"float[1,3]", "int64[?]"}, 1, "float[?,?]"},
		{"Tile", 13, nil, []any{"float[…]", "int64[2]"}, 1, "float[?,?]"},
		{"Tile", 13, nil, []any{"float[2,3]", i(1)}, 1, "error: 1 numbers, want 2"},
		{"Tile", 13, nil, []any{"float[2,3]", i(1, -1)}, 1, "error: 0 or more"},
		{"Tile", 13, nil, []any{"float[2,3]", i(1, windowHuge)}, 1, "error: over the limit"},
	} {
		c.run(t)
	}
}

func TestMadeShapes(t *testing.T) {
	i := windowInts
	f := tensor.Scalar[float32]
	for _, c := range []windowCase{
		{"Shape", 13, nil, []any{"float[N,3]"}, 1, "int64[2]"},
		{"Shape", 13, nil, []any{"float[…]"}, 1, "int64[?]"},
		{"Shape", 15, []*onnx.Attribute{onnx.AttrInt("start", math.MinInt64), onnx.AttrInt("end", -1)}, []any{"float[N,3]"}, 1, "int64[1]"},
		{"Size", 13, nil, []any{"float[…]"}, 1, "int64[]"},
		{"Size", 13, nil, []any{Of(tensor.Float32, math.MaxInt, 2)}, 1, "error: over the limit"},
		{"Constant", 13, nil, nil, 1, "error: 0 attributes"},
		{"Constant", 13, []*onnx.Attribute{onnx.AttrInt("value_int", 1), onnx.AttrFloat("value_float", 1)}, nil, 1, "error: 2 attributes (value_float, value_int), want exactly one"},
		{"ConstantOfShape", 9, nil, []any{list(Named("N"), Known(3))}, 1, "float[N,3]"},
		{"ConstantOfShape", 9, nil, []any{"int64[?]"}, 1, "float[…]"},
		{"ConstantOfShape", 9, nil, []any{i(2, -1)}, 1, "error: 0 or more"},
		{"ConstantOfShape", 9, nil, []any{i(windowHuge, 2)}, 1, "error: over the limit"},
		{"ConstantOfShape", 9, nil, []any{"int64[2,2]"}, 1, "error: want 1 dimension"},
		{"ConstantOfShape", 9, nil, []any{Of(tensor.Int64, 1<<50)}, 1, "error: over the limit"},
		{"ConstantOfShape", 9, []*onnx.Attribute{onnx.AttrTensor("value", onnx.Encode("", i(1, 2)))}, []any{i(1)}, 1, "error: want one element"},
		{"ConstantOfShape", 9, []*onnx.Attribute{onnx.AttrTensor("value", onnx.Encode("", tensor.Scalar("a")))}, []any{i(1)}, 1, "error: want one of"},
		{"Range", 11, nil, []any{"int64[]", "int64[]", "int64[]"}, 1, "int64[?]"},
		{"Range", 11, nil, []any{tensor.Scalar[int64](math.MinInt64), tensor.Scalar[int64](math.MaxInt64), tensor.Scalar[int64](math.MaxInt64)}, 1, "int64[3]"},
		{"Range", 11, nil, []any{tensor.Scalar[int64](math.MaxInt64), tensor.Scalar[int64](math.MinInt64), tensor.Scalar[int64](math.MinInt64)}, 1, "int64[2]"},
		{"Range", 11, nil, []any{tensor.Scalar[int64](0), tensor.Scalar[int64](math.MaxInt64), tensor.Scalar[int64](1)}, 1, "error: over the limit"},
		{"Range", 11, nil, []any{tensor.Scalar[int64](0), "int64[]", tensor.Scalar[int64](0)}, 1, "error: is 0"},
		{"Range", 11, nil, []any{f(0), f(1), f(0)}, 1, "error: is 0"},
		{"Range", 11, nil, []any{f(0), f(float32(math.NaN())), f(1)}, 1, "error: no number of elements"},
		{"Range", 11, nil, []any{f(0), f(float32(math.Inf(1))), f(1)}, 1, "error: over the limit"},
		{"Range", 11, nil, []any{f(0), f(float32(math.Inf(-1))), f(1)}, 1, "float[0]"},
		{"Range", 11, nil, []any{f(0), "float[2]", f(1)}, 1, "error: want a scalar"},
	} {
		c.run(t)
	}
}

// TestContents follows contents, whole or partly known, through single operators.
func TestContents(t *testing.T) {
	ints := windowInts
	hw := list(Named("N"), Known(3), Named("H"), Named(""))
	scalar := Info{DType: tensor.Int64, Dims: []Dim{}, Shape: []Dim{Named("H")}}
	for _, c := range []struct {
		op    string
		attrs []*onnx.Attribute
		in    []any
		want  string
	}{
		{"Shape", nil, []any{"float[N,3,?]"}, "[N 3 ?]"},
		{"Shape", nil, []any{"float[2,3]"}, "=[2 3]"},
		{"Shape", nil, []any{"float[?,?]"}, "[]"},
		{"Size", nil, []any{"float[2,N,0]"}, "=[0]"},
		{"Size", nil, []any{"float[1,N]"}, "[N]"},
		{"Gather", nil, []any{hw, ints(-2, 0)}, "[H N]"},
		{"Gather", nil, []any{hw, tensor.Scalar[int64](1)}, "=[3]"},
		{"Gather", nil, []any{hw, tensor.Scalar[int64](3)}, "[]"},
		{"Gather", nil, []any{hw, tensor.Of([]int64{0, 1}, 1, 2)}, "[]"},
		{"Slice", nil, []any{hw, ints(2), ints(-9), nil, ints(-1)}, "[H 3 N]"},
		{"Slice", nil, []any{hw, ints(1), ints(2)}, "=[3]"},
		{"Concat", attrInt("axis", 0), []any{hw, ints(-1, 7), "int64[1]"}, "[N 3 H ? ? 7 ?]"},
		{"Concat", attrInt("axis", 0), []any{ints(-1), ints(7)}, "=[-1 7]"},
		{"Concat", attrInt("axis", 0), []any{hw, "int64[?]"}, "[]"},
		{"Unsqueeze", nil, []any{scalar, ints(0)}, "[H]"},
		{"Squeeze", nil, []any{list(Named("H")), ints(0)}, "[H]"},
		{"Reshape", nil, []any{hw, ints(-1)}, "[N 3 H ?]"},
		{"Reshape", nil, []any{hw, ints(2, 2)}, "[]"},
		{"Identity", nil, []any{hw}, "[N 3 H ?]"},
		{"Transpose", nil, []any{hw}, "[N 3 H ?]"},
		{"Transpose", nil, []any{tensor.Of([]int64{1, 2, 3, 4}, 2, 2)}, "=[1 3 2 4]"},
		{"Split", nil, []any{hw, ints(2, 2)}, "[N 3]"},
		{"Expand", nil, []any{scalar, ints(3)}, "[H H H]"},
		{"Tile", nil, []any{list(Named("H"), Known(2)), ints(2)}, "[H 2 H 2]"},
		{"ConstantOfShape", nil, []any{ints(2)}, "=[0 0]"},
		{"Range", nil, []any{tensor.Scalar[int64](5), tensor.Scalar[int64](0), tensor.Scalar[int64](-2)}, "=[5 3 1]"},
		{"Flatten", nil, []any{tensor.Of([]float32{1, 2}, 2)}, "=[1 2]"},
	} {
		outs := 1
		if c.op == "Split" {
			outs = 2
		}
		call, err := inferred(t, c.op, c.attrs, c.in, outs)
		if err != nil {
			t.Errorf("%s %v: %v", c.op, c.in, err)
			continue
		}
		got := fmt.Sprint(call.Out[0].Shape)
		if v := call.Out[0].Value; v != nil {
			got = fmt.Sprint("=", v.Data)
		}
		if got != c.want {
			t.Errorf("%s %v: contents %s, want %s", c.op, c.in, got, c.want)
		}
	}
}

// inferred runs the shape rule of a node on inputs as windowCase has them.
func inferred(t *testing.T, opType string, attrs []*onnx.Attribute, in []any, outs int) (*Call, error) {
	infos, names := make([]*Info, len(in)), make([]string, len(in))
	for i, x := range in {
		switch x := x.(type) {
		case *tensor.Tensor:
			info := Const(x)
			infos[i] = &info
		case Info:
			infos[i] = &x
		case string:
			infos[i] = windowInfo(t, x)
		}
		if infos[i] != nil {
			names[i] = fmt.Sprint("i", i)
		}
	}
	call, err := Resolve(onnx.NewNode(opType, "n", names, make([]string, outs), attrs...), 17, infos, &DefaultLimits)
	if err == nil {
		err = Infer(call)
	}
	return call, err
}

// TestFoldLimit makes sure that inference computes no contents beyond MaxFold.
func TestFoldLimit(t *testing.T) {
	small := Limits{MaxElems: 1 << 40, MaxFold: 10, MaxDims: 4}
	one, eleven := Const(windowInts(1)), Const(windowInts(11))
	shape := Const(windowInts(2, 1<<30))
	for _, c := range []struct {
		op string
		in []*Info
	}{
		{"ConstantOfShape", []*Info{&eleven}},
		{"ConstantOfShape", []*Info{&shape}},
		{"Expand", []*Info{&one, &shape}},
		{"Tile", []*Info{&one, &eleven}},
		{"Range", []*Info{&one, &shape, &one}},
	} {
		if c.op == "Range" {
			to := Const(tensor.Scalar[int64](1 << 39))
			c.in[1] = &to
		}
		call, err := Resolve(onnx.NewNode(c.op, "", []string{"a", "b", "c"}[:len(c.in)], []string{"y"}), 17, c.in, &small)
		if err != nil {
			t.Fatal(err)
		}
		if err := Infer(call); err != nil || call.Out[0].Value != nil {
			t.Errorf("%s: %v, contents of %s", c.op, err, &call.Out[0])
		}
	}
	five := Const(windowInts(1, 1, 1, 1, 1))
	call, err := Resolve(onnx.NewNode("Reshape", "", []string{"a", "b"}, []string{"y"}), 17, []*Info{&one, &five}, &small)
	if err != nil {
		t.Fatal(err)
	}
	if err := Infer(call); !errors.Is(err, ErrLimit) {
		t.Errorf("a shape of 5 dimensions with MaxDims 4: %v", err)
	}
}
