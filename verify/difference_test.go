package verify

import (
	"encoding/json"
	"math"
	"testing"

	"autodeeplab/onnx/tensor"
)

func TestCompare(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name       string
		have, want *tensor.Tensor
		quantised  bool
		words      string
		within     bool // of 0.1
	}{
		{"equal", tensor.Of([]float32{1, 2}, 2), tensor.Of([]float32{1, 2}, 2), false, "equal", true},
		{"near", tensor.Of([]float32{1, 2.0625, 3, -1}, 2, 2), tensor.Of([]float32{1, 2, 3, -1}, 2, 2), false, "max error 0.0625 at [0,1] (2.0625, not 2), mean 0.0156, 0.0156 of the range 4", true},
		{"far", tensor.Of([]float32{1, 2, 3, 0}, 2, 2), tensor.Of([]float32{1, 2, 3, -1}, 2, 2), false, "max error 1 at [1,1] (0, not -1), mean 0.25, 0.25 of the range 4", false},
		{"all equal", tensor.Of([]float32{-8, -7}, 2), tensor.Of([]float32{-8, -8}, 2), false, "max error 1 at [1] (-7, not -8), mean 0.5, 0.125 of the range 8", false},
		{"zero", tensor.Of([]float32{0, 0.05}, 2), tensor.Of([]float32{0, 0}, 2), false, "max error 0.05 at [1] (0.05, not 0), mean 0.025, 0.05 of the range 1", true},
		{"NaN", tensor.Of([]float32{nan, 1}, 2), tensor.Of([]float32{0, 1}, 2), false, "max error +Inf at [0] (NaN, not 0), mean +Inf, +Inf of the range 1", false},
		{"both NaN and ∞", tensor.Of([]float32{nan, inf}, 2), tensor.Of([]float32{nan, inf}, 2), false, "equal", true},
		{"∞", tensor.Of([]float32{inf, 1}, 2), tensor.Of([]float32{-inf, 1}, 2), false, "max error +Inf at [0] (+Inf, not -Inf), mean +Inf, +Inf of the range 1", false},
		{"half", tensor.Of([]tensor.F16{tensor.ToF16(1.5)}, 1), tensor.Of([]float32{1.5}, 1), false, "equal", true},
		{"integers", tensor.Of([]int64{1, 1000}, 2), tensor.Of([]int64{1, 1001}, 2), false, "1 of 2 differ, first by most at [1] (1000, not 1001)", false},
		{"quantised", tensor.Of([]uint8{0, 101, 255}, 3), tensor.Of([]uint8{0, 100, 255}, 3), true, "max error 1 at [1] (101, not 100), mean 0.333, 0.00392 of the range 255", true},
		{"shapes", tensor.Of([]float32{1, 2}, 2), tensor.Of([]float32{1, 2}, 1, 2), false, "it is float[2], not float[1,2]", false},
		{"types", tensor.Of([]int32{1, 2}, 2), tensor.Of([]int64{1, 2}, 2), false, "it is int32[2], not int64[2]", false},
		{"booleans", tensor.Of([]bool{true}, 1), tensor.Of([]bool{false}, 1), false, "1 of 1 differ, first by most at [0] (1, not 0)", false},
		{"texts", tensor.Of([]string{"a", "b"}, 2), tensor.Of([]string{"a", "c"}, 2), false, "1 of 2 differ, first by most at [1] (0, not 0)", false},
		{"nothing", tensor.Of([]float32{}, 0, 3), tensor.Of([]float32{}, 0, 3), false, "equal", true},
		{"scalar", tensor.Scalar(float32(2)), tensor.Scalar(float32(1)), false, "max error 1 at [] (2, not 1), mean 1, 1 of the range 1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Compare(c.have, c.want, c.quantised)
			if got := d.Words(); got != c.words {
				t.Errorf("%q, want %q", got, c.words)
			}
			if d.Within(0.1) != c.within {
				t.Errorf("within 0.1: %v", !c.within)
			}
			if _, err := json.Marshal(d); err != nil {
				t.Error(err)
			}
		})
	}
}
