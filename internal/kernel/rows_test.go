package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// onEveryMachine runs f with each assembly that this machine has, and without any.
func onEveryMachine(t *testing.T, f func(t *testing.T)) {
	before := rowFast
	defer func() { rowFast = before }()
	for i, set := range append(rowSets, nil) {
		rowFast = set
		t.Run(fmt.Sprint("set", i), f)
	}
}

// TestRows holds the row loops against plain Go, bit for bit: they do not fuse operations, and sum in a fixed order.
func TestRows(t *testing.T) {
	onEveryMachine(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(25, 26))
		for n := range 70 {
			a, b, c := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range a {
				a[i], b[i], c[i] = float32(r.NormFloat64()), float32(r.NormFloat64()), 99
			}
			if n > 3 {
				a[r.IntN(n)], b[r.IntN(n)] = float32(math.NaN()), float32(math.NaN())
				a[r.IntN(n)], b[r.IntN(n)] = float32(math.Inf(1)), float32(math.Inf(-1))
			}
			u, v, w := float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64())
			check := func(what string, got []float32, want func(i int) float32) {
				t.Helper()
				for i := range got {
					if x := want(i); got[i] != x && (got[i] == got[i] || x == x) {
						t.Fatalf("%s: element %d of %d is %v, want %v", what, i, n, got[i], x)
					}
				}
			}
			to := append([]float32{}, a...)
			addRow(to, b)
			check("add", to, func(i int) float32 { return a[i] + b[i] })
			copy(to, a)
			maxRow(to, b)
			check("max", to, func(i int) float32 { return max(a[i], b[i]) })
			copy(to, a)
			divideRow(to, u)
			check("divide", to, func(i int) float32 { return a[i] / u })
			blendRow(c, a, b, u, v)
			check("blend", c, func(i int) float32 { return float32(a[i]*u) + float32(b[i]*v) })
			affineRow(c, a, u, v, w)
			check("affine", c, func(i int) float32 { return float32((a[i]-u)*v) + w })
			m, f, s := float64(u)+1e-9, float64(v)+1e-9, float64(w)+1e-9
			standardiseRow(c, a, m, f, s)
			check("standardise", c, func(i int) float32 { return float32(float64((float64(a[i])-m)*f) + s) })

			acc := widened(b)
			widenRow(acc, a)
			for i := range acc {
				if x := float64(b[i]) + float64(a[i]); acc[i] != x && (x == x || acc[i] == acc[i]) {
					t.Fatalf("widen: element %d of %d is %v, want %v", i, n, acc[i], x)
				}
			}
			at := make([]int64, n)
			copy(c, b)
			argMaxRow(at, c, a, 7)
			for i := range at {
				beats := beats(a[i], b[i], true, false)
				if (at[i] == 7) != beats || beats && c[i] != a[i] && a[i] == a[i] || !beats && c[i] != b[i] && b[i] == b[i] {
					t.Fatalf("argMax: element %d of %d: %v after %v gives %d and %v", i, n, a[i], b[i], at[i], c[i])
				}
			}
		}
	})
}

// TestRowSums checks that the sums are the same to the bit with every assembly and without, and right.
func TestRowSums(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	for _, n := range []int{0, 1, 15, 16, 17, 48, 1000, 4099} {
		x := make([]float32, n)
		exact := 0.0
		for i := range x {
			x[i] = float32(r.NormFloat64())
			exact += float64(x[i])
		}
		var first [2]float64
		seen := false
		onEveryMachine(t, func(t *testing.T) {
			got := [2]float64{sumFloats(3, x), squareFloats(3, 0.25, x)}
			if seen && got != first {
				t.Errorf("n %d: %v, and %v elsewhere", n, got, first)
			}
			first, seen = got, true
		})
		if math.Abs(first[0]-3-exact) > 1e-10 {
			t.Errorf("n %d: the sum is %v, want %v", n, first[0], 3+exact)
		}
	}
}
