package op

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

func TestResizeRule(t *testing.T) {
	x := "float[N,3,4,6]"
	nan := float32(math.NaN())
	mode := func(m string) *onnx.Attribute { return onnx.AttrString("mode", m) }
	policy := func(p string) *onnx.Attribute { return onnx.AttrString("keep_aspect_ratio_policy", p) }
	axes := func(a ...int) *onnx.Attribute { return onnx.AttrInts("axes", a...) }
	crop := onnx.AttrString("coordinate_transformation_mode", "tf_crop_and_resize")
	for _, c := range []windowCase{
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, 2, 0.5)}, 1, "float[N,3,8,3]"},
		{"Resize", 13, nil, []any{x, nil, nil, windowInts(2, 3, 9, 1)}, 1, "float[2,3,9,1]"},
		{"Resize", 13, nil, []any{"float[N,3,h,w]", nil, nil, windowPartial(Named("N"), Known(3), Named("H"), Named(""))}, 1, "float[N,3,H,?]"},
		{"Resize", 11, nil, []any{x, windowFloats(), windowFloats(), windowInts(1, 3, 8, 8)}, 1, "float[1,3,8,8]"},
		{"Resize", 11, nil, []any{x, windowFloats(), windowFloats(1, 1, 1.5, 2)}, 1, "float[N,3,6,12]"},
		{"Resize", 10, nil, []any{x, windowFloats(1, 1, 1.5, 2)}, 1, "float[N,3,6,12]"},
		{"Upsample", 9, nil, []any{x, windowFloats(1, 1, 1.5, 2)}, 1, "float[N,3,6,12]"},
		{"Upsample", 7, windowAttrs{onnx.AttrFloats("scales", 1, 1, 1.5, 2)}, []any{x}, 1, "float[N,3,6,12]"},
		// As ONNX's own shape inference: 10 · 0.7 as a float32 is just below 7.
		{"Resize", 13, nil, []any{"float[10]", nil, windowFloats(0.7)}, 1, "float[6]"},
		{"Resize", 13, nil, []any{x, nil, "float[4]"}, 1, "float[?,?,?,?]"},
		{"Resize", 13, nil, []any{x, nil, nil, "int64[4]"}, 1, "float[?,?,?,?]"},
		{"Resize", 18, windowAttrs{axes(2, -1)}, []any{x, nil, nil, "int64[?]"}, 1, "float[N,3,?,?]"},
		{"Resize", 18, windowAttrs{axes(3, 2)}, []any{x, nil, nil, windowInts(5, 7)}, 1, "float[N,3,7,5]"},
		{"Resize", 18, windowAttrs{axes(3)}, []any{x, nil, windowFloats(2)}, 1, "float[N,3,4,12]"},
		{"Resize", 13, nil, []any{"float[…]", nil, windowFloats(2)}, 1, "float[…]"},
		// The scale is 1/2, by width: 2 × 3; or 3/4, by height: 3 × 4.5.
		{"Resize", 18, windowAttrs{axes(2, 3), policy("not_larger")}, []any{x, nil, nil, windowInts(3, 3)}, 1, "float[N,3,2,3]"},
		{"Resize", 18, windowAttrs{axes(2, 3), policy("not_smaller")}, []any{x, nil, nil, windowInts(3, 3)}, 1, "float[N,3,3,5]"},
		{"Resize", 18, windowAttrs{axes(2, 3), policy("not_smaller")}, []any{"float[N,3,4,W]", nil, nil, windowInts(3, 3)}, 1, "float[N,3,?,?]"},
		{"Resize", 19, windowAttrs{crop}, []any{"float[4]", windowFloats(0, 1), nil, windowInts(7)}, 1, "float[7]"},
		{"Resize", 13, nil, []any{"float[0,2]", nil, nil, windowInts(0, 5)}, 1, "float[0,5]"},

		{"Resize", 13, nil, []any{x}, 1, "error: neither"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, 2, 2), windowInts(1, 3, 8, 8)}, 1, "error: are both given"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 2, 2)}, 1, "error: want 4 values for 4 axes"},
		{"Resize", 13, nil, []any{x, nil, nil, windowInts(8, 8)}, 1, "error: want 4 values for 4 axes"},
		{"Resize", 13, nil, []any{x, nil, nil, windowInts(1, 3, -8, 8)}, 1, "error: want no negative size"},
		{"Resize", 13, nil, []any{x, nil, nil, windowInts(1, 3, windowHuge, windowHuge)}, 1, "error: over the limit"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, 1e30, 1)}, 1, "error: over the limit"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, 1e9, 1e9)}, 1, "error: over the limit"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, nan, 1)}, 1, "error: scale NaN"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, float32(math.Inf(1)), 1)}, 1, "error: scale +Inf"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, 0, 1)}, 1, "error: greater than 0"},
		{"Resize", 13, nil, []any{x, nil, windowFloats(1, 1, -1, 1)}, 1, "error: greater than 0"},
		{"Resize", 13, nil, []any{"float[]", nil, windowFloats()}, 1, "error: is a scalar"},
		{"Upsample", 9, nil, []any{x, windowFloats(1, 1, 0.5, 1)}, 1, "error: at least 1"},
		{"Upsample", 9, windowAttrs{mode("cubic")}, []any{x, windowFloats(1, 1, 2, 2)}, 1, "error: want one of [nearest linear]"},
		{"Upsample", 10, nil, []any{x, windowFloats(1, 1, 2, 2)}, 1, "error: withdrawn at opset 10"},
		{"Resize", 13, nil, []any{"float[0,2]", nil, nil, windowInts(1, 5)}, 1, "error: axis 0 is empty"},
		{"Resize", 18, windowAttrs{axes(3, -1)}, []any{x, nil, windowFloats(2, 2)}, 1, "error: names axis 3 twice"},
		{"Resize", 18, windowAttrs{axes(4)}, []any{x, nil, windowFloats(2)}, 1, "error: want -4 to 3"},
		{"Resize", 18, windowAttrs{policy("fit")}, []any{x, nil, nil, windowInts(1, 3, 8, 8)}, 1, "error: want one of [stretch not_larger not_smaller]"},
		{"Resize", 18, windowAttrs{policy("not_larger")}, []any{"float[0,2]", nil, nil, windowInts(1, 5)}, 1, "error: cannot be resized"},
		{"Resize", 18, windowAttrs{policy("not_smaller")}, []any{"float[1,1]", nil, nil, windowInts(1, 1<<33)}, 1, "error: over the limit"},
		{"Resize", 19, windowAttrs{mode("bilinear")}, []any{x, nil, windowFloats(1, 1, 2, 2)}, 1, "error: want one of [nearest linear cubic]"},
		{"Resize", 19, windowAttrs{onnx.AttrInt("antialias", 1)}, []any{x, nil, windowFloats(1, 1, 2, 2)}, 1, "error: no meaning for mode nearest"},
		{"Resize", 19, windowAttrs{mode("cubic"), onnx.AttrFloat("cubic_coeff_a", nan)}, []any{x, nil, windowFloats(1, 1, 2, 2)}, 1, `error: attribute "cubic_coeff_a" is NaN`},
		{"Resize", 19, windowAttrs{crop}, []any{"float[4]", nil, nil, windowInts(7)}, 1, "error: needs it"},
		{"Resize", 19, windowAttrs{crop}, []any{"float[4]", windowFloats(0), nil, windowInts(7)}, 1, "error: want 2 values for 1 axes"},
	} {
		c.run(t)
	}
}

// TestResizeAxes checks what the runtime gets to sample with.
func TestResizeAxes(t *testing.T) {
	resolve := func(opset int, list windowAttrs, in ...*tensor.Tensor) *Call {
		names := make([]string, len(in))
		infos := make([]*Info, len(in))
		for i, x := range in {
			if x != nil {
				info := Const(x)
				names[i], infos[i] = "i", &info
			}
		}
		c, err := Resolve(onnx.NewNode("Resize", "n", names, []string{"o"}, list...), opset, infos, &DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	x := tensor.Of(make([]float32, 20), 4, 5)
	crop := onnx.AttrString("coordinate_transformation_mode", "tf_crop_and_resize")
	for _, c := range []struct {
		call *Call
		want string
	}{
		{resolve(13, nil, x, nil, windowFloats(0.625, 2)), "[{4 2 0.625 2.5 0 1} {5 10 2 10 0 1}]"},
		{resolve(13, nil, x, nil, nil, windowInts(2, 5)), "[{4 2 0.5 2 0 1} {5 5 1 5 0 1}]"},
		{resolve(18, windowAttrs{onnx.AttrString("keep_aspect_ratio_policy", "not_larger")}, x, nil, nil, windowInts(3, 3)), "[{4 2 0.6 2.4 0 1} {5 3 0.6 3 0 1}]"},
		{resolve(18, windowAttrs{crop, onnx.AttrInts("axes", 1)}, x, windowFloats(0.25, 0.5), nil, windowInts(5)), "[{4 4 1 4 0 1} {5 5 1 5 0.25 0.5}]"},
		{resolve(18, windowAttrs{crop}, x, windowFloats(float32(math.Inf(-1)), 0, 1, 1), nil, windowInts(4, 5)), "want finite numbers"},
	} {
		axes, err := ResizeAxes(c.call)
		got := fmt.Sprint(axes)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
