package precision

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// numpy is testdata/quantize.json, which testdata/quantize.py computes with NumPy.
type numpy struct {
	Activation []struct {
		Low, High, Scale float64
		Zero             uint8
	}
	Weights []struct {
		Seed   uint32
		Shape  []int
		Zeroed bool
		Stored []int8
		Scale  []float32
	}
	Bias []struct {
		Seed   uint32
		Input  float32
		Scale  []float32
		Stored []int32
	}
	Ranges []struct {
		Seed       uint32
		Power      int
		Relu       bool
		Percentile map[string][2]float64
		Entropy    float64
	}
}

func readNumpy(t *testing.T) (n numpy) {
	t.Helper()
	data, err := os.ReadFile("testdata/quantize.json")
	if err == nil {
		err = json.Unmarshal(data, &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lcg gives the script's pseudo-random numbers.
func lcg(n int, seed uint32) []float32 {
	out := make([]float32, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = float32(seed>>8)/(1<<23) - 1
	}
	return out
}

func TestParametersAgreeWithNumPy(t *testing.T) {
	n := readNumpy(t)
	for _, c := range n.Activation {
		p := activation(Range{c.Low, c.High})
		if p.scale != float32(c.Scale) || p.zero != c.Zero {
			t.Errorf("%g … %g: scale %g, zero point %d, want %g and %d", c.Low, c.High, p.scale, p.zero, c.Scale, c.Zero)
		}
	}
	for _, c := range n.Weights {
		size := 1
		for _, d := range c.Shape {
			size *= d
		}
		w, per := lcg(size, c.Seed), size/c.Shape[0]
		for i := range w {
			w[i] *= 0.25
			if i/per == 1 && c.Zeroed {
				w[i] = 0
			} else if i/per == 1 {
				w[i] *= 1e-3
			}
		}
		stored, scale := weights(w, c.Shape[0], nil)
		if !slices.Equal(stored, c.Stored) || !slices.Equal(scale, c.Scale) {
			t.Errorf("weights %v: %v, scales %v, want %v and %v", c.Shape, stored, scale, c.Stored, c.Scale)
		}
	}
	for _, c := range n.Bias {
		stored, at := biases(lcg(len(c.Stored), c.Seed), c.Input, c.Scale)
		if !slices.Equal(stored, c.Stored) || at[0] != c.Input*c.Scale[0] {
			t.Errorf("biases %v at %v, want %v", stored, at, c.Stored)
		}
	}
}

func TestRangesAgreeWithNumPy(t *testing.T) {
	for _, c := range readNumpy(t).Ranges {
		x := lcg(40000, c.Seed)
		for i, v := range x {
			x[i] = float32(math.Pow(math.Abs(float64(v)), float64(c.Power)))
			if v < 0 {
				x[i] = -x[i]
			}
			if c.Relu {
				x[i] = max(x[i], 0)
			}
		}
		low, high := bounds(x)
		h := make([]int64, bins)
		count(h, x, low, high, false)
		// A number on the edge of two bins may be counted in either, which moves a bound by one bin at most.
		bin := (high - low) / bins * 1.001
		for percent, want := range c.Percentile {
			p := map[string]float64{"99.99": 99.99, "99.0": 99}[percent]
			got := percentileRange(h, Range{low, high}, p)
			if math.Abs(got.Low-want[0]) > bin || math.Abs(got.High-want[1]) > bin {
				t.Errorf("power %d, relu %t: %s %% from %v, want %v", c.Power, c.Relu, percent, got, want)
			}
		}
		most := max(-low, high)
		h = make([]int64, bins)
		count(h, x, 0, most, true)
		if got := entropyBound(h, most); math.Abs(got-c.Entropy) > most/bins*1.001 {
			t.Errorf("power %d, relu %t: entropy cuts at %g, want %g", c.Power, c.Relu, got, c.Entropy)
		}
	}
}

// TestDegenerateParameters: dead values and channels, and biases that would not fit.
func TestDegenerateParameters(t *testing.T) {
	if p := activation(Range{}); p.scale != 1 || p.zero != 0 {
		t.Errorf("nothing but 0: %v", p)
	}
	if p := activation(Range{0, 1e-40}); p.scale != 1 {
		t.Errorf("next to nothing: %v", p)
	}
	_, scale := weights([]float32{0, 0, 1, -2}, 2, nil)
	if scale[0] != 1 || scale[1] != float32(2.0/127) {
		t.Errorf("scales %v", scale)
	}
	// Weights of 1e-12 beside a bias of 1000: at their own scale the bias would be 1000/(0.01·8e-15), far over int32.
	w, bias, input := []float32{1e-12, -1e-12}, []float32{1000}, float32(0.01)
	stored, scale := weights(w, 1, leastScales(bias, input))
	b, at := biases(bias, input, scale)
	if got := float64(b[0]) * float64(at[0]); math.Abs(got-1000) > 1e-3 || stored[0] != 0 {
		t.Errorf("bias %d·%g = %g, weights %v", b[0], at[0], got, stored)
	}
}

func FuzzQuantize(f *testing.F) {
	f.Add(float32(0), float32(6), uint32(1))
	f.Add(float32(-1e30), float32(1e30), uint32(2))
	f.Add(float32(-1e-38), float32(1e-44), uint32(3))
	f.Fuzz(func(t *testing.T, low, high float32, seed uint32) {
		if low-low != 0 || high-high != 0 || low > high {
			t.Skip()
		}
		p := activation(Range{float64(low), float64(high)})
		if !(p.scale > 0) || math.IsInf(float64(p.scale), 0) {
			t.Fatalf("scale %g", p.scale)
		}
		bias := []float32{low, high}
		stored, scales := weights(lcg(8, seed), 2, leastScales(bias, p.scale))
		if len(stored) != 8 {
			t.Fatal(stored)
		}
		b, at := biases(bias, p.scale, scales)
		for c := range b {
			if !(at[c] > 0) || !(scales[c] > 0) {
				t.Fatalf("scales %v, %v", scales, at)
			}
			if got, want := float64(b[c])*float64(at[c]), float64(bias[c]); math.Abs(got-want) > float64(at[c]) && math.Abs(got-want) > 1e-6*math.Abs(want) {
				t.Fatalf("bias %g is stored as %g", want, got)
			}
		}
	})
}
