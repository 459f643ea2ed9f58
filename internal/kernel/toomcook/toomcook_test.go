package toomcook

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAlgorithms holds Aᵀ((G·g) ∘ (Bᵀ·d)) against the sum that it stands for.
func TestAlgorithms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, a := range Algorithms {
		d, g := make([]float64, a.N()), make([]float64, a.R)
		for i := range d {
			d[i] = r.NormFloat64()
		}
		for i := range g {
			g[i] = r.NormFloat64()
		}
		product := times(a.Input(), d)
		for i, v := range times(a.Filter(), g) {
			product[i] *= v
		}
		for i, y := range times(a.Output(), product) {
			want := 0.0
			for k, v := range g {
				want += v * d[i+k]
			}
			if math.Abs(y-want) > 1e-12 {
				t.Errorf("%s: output %d is %v, want %v", a.Name, i, y, want)
			}
		}
	}
}

func times(m [][]float64, x []float64) []float64 {
	y := make([]float64, len(m))
	for i, row := range m {
		for j, v := range row {
			y[i] += v * x[j]
		}
	}
	return y
}
