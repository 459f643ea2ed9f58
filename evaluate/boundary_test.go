package evaluate_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"autodeeplab/evaluate"
	"autodeeplab/internal/kernel"
)

// TestBoundary compares with SciPy's morphology and distance transforms (testdata/boundary.py), on one thread and on
// several.
func TestBoundary(t *testing.T) {
	var cases []struct {
		Classes   int
		Tolerance float64
		Pictures  []struct {
			Height, Width     int
			Truth, Prediction []int
		}
		F []*float64
	}
	readJSON(t, "testdata/boundary.json", &cases)
	for _, threads := range []int{1, 3} {
		pool := kernel.NewPool(threads)
		defer pool.Close()
		for i, c := range cases {
			b := evaluate.NewBoundary(c.Classes, c.Tolerance)
			for _, p := range c.Pictures {
				b.Add(pool, labels(p.Prediction), labels(p.Truth), p.Height, p.Width, 255)
			}
			for k, f := range b.F() {
				if want := c.F[k]; (want == nil) != math.IsNaN(f) || want != nil && math.Abs(f-*want) > 1e-12 {
					t.Errorf("case %d, class %d: %v, SciPy has %v", i, k, f, want)
				}
			}
		}
	}
}

// TestBoundaryOfNothing: masks of a single class have no boundary, nor has a picture that is ignored.
func TestBoundaryOfNothing(t *testing.T) {
	pool := kernel.NewPool(1)
	b := evaluate.NewBoundary(2, 0.01)
	b.Add(pool, make([]uint8, 12), make([]uint8, 12), 3, 4, 255)
	b.Add(pool, []uint8{0, 1, 0, 1}, []uint8{255, 255, 255, 255}, 2, 2, 255)
	for k, f := range b.F() {
		if !math.IsNaN(f) {
			t.Errorf("class %d: %v", k, f)
		}
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func labels(list []int) []uint8 {
	b := make([]uint8, len(list))
	for i, v := range list {
		b[i] = uint8(v)
	}
	return b
}
