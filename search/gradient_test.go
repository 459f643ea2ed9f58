package search

import (
	"math"
	"math/rand/v2"
	"testing"

	"autodeeplab/internal/kernel"
)

// TestGradientsOfASupernet compares every parameter's gradient with central differences in float64, at elements drawn
// from all of them.
func TestGradientsOfASupernet(t *testing.T) {
	for _, test := range []struct {
		name    string
		space   Space
		n, h, w int
		cost    string
	}{
		{"two levels", Space{Layers: 2, Blocks: 2, Filters: 2, Levels: 2, Classes: 3}, 2, 17, 17, ""},
		{"uneven", Space{Layers: 3, Blocks: 2, Filters: 3, Levels: 4, Classes: 4}, 1, 18, 25, "macs"},
		{"own weights", Space{Layers: 3, Blocks: 2, Filters: 2, Levels: 3, Classes: 3, OwnWeights: true}, 1, 20, 17, ""},
		{"tiny images", Space{Layers: 4, Blocks: 1, Filters: 2, Levels: 4, Classes: 2}, 2, 9, 12, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			pool := kernel.NewPool(2)
			defer pool.Close()
			p, err := NewParameters[float64](test.space, 1)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			for _, a := range []*Parameter[float64]{p.Alpha, p.Beta} {
				for i := range a.Data {
					if a.Data[i] != 0 {
						a.Data[i] = r.NormFloat64()
					}
				}
			}
			n, err := NewSupernet(p, SupernetOptions{Batch: test.n, Height: test.h, Width: test.w, Training: true, Cost: test.cost, CostWeight: 0.5}, pool)
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			image, labels := make([]float64, 3*test.n*test.h*test.w), make([]uint8, test.n*test.h*test.w)
			for i := range image {
				image[i] = 2*r.Float64() - 1
			}
			for i := range labels {
				labels[i] = uint8(r.IntN(test.space.Classes))
				if r.IntN(10) == 0 {
					labels[i] = IgnoreLabel
				}
			}
			step := func() float64 {
				loss, err := n.Step(StepWeights, 0, image, labels)
				if err != nil {
					t.Fatal(err)
				}
				return loss + 0.5*n.Cost()
			}
			step()
			learnt := append([]*Parameter[float64]{p.Alpha, p.Beta}, p.Weights...)
			grads := make(map[*Parameter[float64]][]float64)
			for _, q := range learnt {
				grads[q] = append([]float64(nil), n.Gradient(q)...)
			}
			for _, q := range learnt {
				for range 2 {
					i := r.IntN(len(q.Data))
					const eps = 1e-6
					old := q.Data[i]
					q.Data[i] = old + eps
					above := step()
					q.Data[i] = old - eps
					below := step()
					q.Data[i] = old
					want := (above - below) / (2 * eps)
					if got := grads[q][i]; math.Abs(got-want) > 2e-6+1e-3*math.Abs(want) {
						t.Errorf("%s[%d]: gradient %g, differences give %g", q.Name, i, got, want)
					}
				}
			}
		})
	}
}
