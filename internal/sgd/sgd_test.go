package sgd_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"autodeeplab/internal/kernel"
	"autodeeplab/internal/sgd"
)

// TestAsPyTorch compares with torch.optim.SGD (testdata/sgd.py).
func TestAsPyTorch(t *testing.T) {
	var cases []struct {
		Momentum, Decay, Factor float64
		Nesterov                bool
		Weights                 []float64
		Steps                   []struct {
			Rate              float64
			Gradient, Weights []float64
		}
	}
	data, err := os.ReadFile("testdata/sgd.json")
	if err == nil {
		err = json.Unmarshal(data, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	pool := kernel.NewPool(2)
	defer pool.Close()
	for _, c := range cases {
		w, v := c.Weights, make([]float64, len(c.Weights))
		for i, step := range c.Steps {
			sgd.Update(pool, sgd.Rule{Rate: step.Rate, Momentum: c.Momentum, Decay: c.Decay, Factor: c.Factor, Nesterov: c.Nesterov}, w, v, step.Gradient)
			for j := range w {
				if math.Abs(w[j]-step.Weights[j]) > 1e-12 {
					t.Fatalf("momentum %g, Nesterov %v, step %d: weight %d is %g, PyTorch has %g", c.Momentum, c.Nesterov, i, j, w[j], step.Weights[j])
				}
			}
		}
	}
}

// TestThreads holds that the number of threads changes no bit.
func TestThreads(t *testing.T) {
	const n = 100_000
	run := func(threads int) (w []float32, norm float64) {
		pool := kernel.NewPool(threads)
		defer pool.Close()
		r := rand.New(rand.NewPCG(1, 2))
		w, v, g, average := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range w {
			w[i], g[i] = r.Float32(), r.Float32()
		}
		norm = sgd.Norm(pool, [][]float32{g, w})
		sgd.Update(pool, sgd.Rule{Rate: 0.1, Momentum: 0.9, Decay: 1e-3, Factor: sgd.ClipFactor(norm, 5)}, w, v, g)
		sgd.Average(pool, 0.99, average, w)
		return append(w, average...), norm
	}
	w, norm := run(1)
	for _, threads := range []int{2, 3} {
		if other, n := run(threads); n != norm || !slices.Equal(w, other) {
			t.Errorf("%d threads give other bits", threads)
		}
	}
}

func TestClipFactor(t *testing.T) {
	for _, c := range []struct{ norm, limit, want float64 }{{10, 5, 0.5}, {4, 5, 1}, {10, 0, 1}, {math.NaN(), 5, 1}} {
		if got := sgd.ClipFactor(c.norm, c.limit); got != c.want {
			t.Errorf("ClipFactor(%g, %g) = %g, want %g", c.norm, c.limit, got, c.want)
		}
	}
}
