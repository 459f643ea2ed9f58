package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMapCoversAll runs a row function over lengths around the chunk size, with several threads.
func TestMapCoversAll(t *testing.T) {
	for _, n := range []int{0, 1, rowLen - 1, rowLen, rowLen + 1, 3*rowLen + 5} {
		src, dst := make([]int32, n), make([]int32, n)
		for i := range src {
			src[i] = int32(i)
		}
		for threads := 1; threads <= 3; threads++ {
			p := NewPool(threads)
			clear(dst)
			Map(p, dst, src, NegRow[int32])
			for i := range dst {
				if dst[i] != int32(-i) {
					t.Fatalf("%d threads: element %d of %d is %d", threads, i, n, dst[i])
				}
			}
			p.Close()
		}
	}
}

// TestFunctionsAtTheEdges has the limits of each function, which follow from its formula.
func TestFunctionsAtTheEdges(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name    string
		f       func(float64) float64
		x, want float64
	}{
		{"Sigmoid", Sigmoid, inf, 1}, {"Sigmoid", Sigmoid, -inf, 0}, {"Sigmoid", Sigmoid, 0, 0.5}, {"Sigmoid", Sigmoid, nan, nan},
		{"Sigmoid", Sigmoid, -1000, 0}, {"Sigmoid", Sigmoid, 1000, 1},
		{"LeakyRelu", LeakyRelu(0.5), -4, -2}, {"LeakyRelu", LeakyRelu(0.5), 4, 4}, {"LeakyRelu", LeakyRelu(0.5), nan, nan},
		{"LeakyRelu", LeakyRelu(0.5), -inf, -inf},
		{"HardSigmoid", HardSigmoid(0.2, 0.5), inf, 1}, {"HardSigmoid", HardSigmoid(0.2, 0.5), -inf, 0}, {"HardSigmoid", HardSigmoid(0.2, 0.5), nan, nan},
		{"HardSigmoid", HardSigmoid(0.2, 0.5), 1, 0.7},
		{"HardSwish", HardSwish, 3, 3}, {"HardSwish", HardSwish, -3, 0}, {"HardSwish", HardSwish, 0, 0}, {"HardSwish", HardSwish, inf, inf}, {"HardSwish", HardSwish, nan, nan},
		{"Gelu", Gelu, inf, inf}, {"Gelu", Gelu, 0, 0}, {"Gelu", Gelu, 40, 40}, {"Gelu", Gelu, nan, nan},
		{"GeluTanh", GeluTanh, inf, inf}, {"GeluTanh", GeluTanh, 0, 0}, {"GeluTanh", GeluTanh, 40, 40}, {"GeluTanh", GeluTanh, -40, 0},
	} {
		if got := c.f(c.x); got != c.want && (got == got || c.want == c.want) {
			t.Errorf("%s(%v) is %v, want %v", c.name, c.x, got, c.want)
		}
	}
	// Far out on the left 1 + erf(x/√2) would lose all digits: Φ(−10) = 7.61985302416052e-24 (Abramowitz and Stegun 26.2).
	if got := Gelu(-10); math.Abs(got/(-10*7.61985302416052e-24)-1) > 1e-12 {
		t.Errorf("Gelu(-10) is %v", got)
	}
}

func BenchmarkUnary(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	src, dst := make([]float32, 80*129*129), make([]float32, 80*129*129)
	for i := range src {
		src[i] = float32(r.NormFloat64())
	}
	for _, c := range []struct {
		name string
		row  func(dst, src []float32)
	}{
		{"Relu", ReluRow[float32]}, {"Clip", ClipRow[float32](0, 6)}, {"HardSwish", Float64Row[float32](HardSwish)},
		{"Sigmoid", Float64Row[float32](Sigmoid)}, {"Tanh", Float64Row[float32](math.Tanh)}, {"Gelu", Float64Row[float32](Gelu)},
	} {
		b.Run(c.name+"/1x80x129x129", func(b *testing.B) {
			p := NewPool(1)
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				Map(p, dst, src, c.row)
			}
		})
	}
}
