package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestMultiply compares products of all layouts, tails and depths with sums in float64, on every micro-kernel.
func TestMultiply(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, mk := range microKernels() {
		var p Products[float32]
		for trial := range 200 {
			m, n, k := 1+r.IntN(40), 1+r.IntN(120), 1+r.IntN(60)
			if trial%20 == 0 {
				m, n, k = 1+r.IntN(80), 500+r.IntN(100), 250+r.IntN(300)
			}
			matrix := func(rows, cols int) Matrix[float32] {
				x := Matrix[float32]{Row: cols + r.IntN(3), Col: 1}
				x.Data = make([]float32, rows*x.Row)
				if r.IntN(2) == 0 {
					x.Row, x.Col = 1, rows+r.IntN(3)
					x.Data = make([]float32, cols*x.Col)
				}
				for i := range x.Data {
					x.Data[i] = float32(r.NormFloat64())
				}
				return x
			}
			a, b := matrix(m, k), matrix(k, n)
			ld, add := n+r.IntN(4), r.IntN(2) == 0
			dst := make([]float32, (m-1)*ld+n)
			for i := range dst {
				dst[i] = float32(i)
			}
			p.multiply(mk, dst, ld, m, n, k, a, b, add)
			for i := range dst {
				row, col := i/ld, i%ld
				want, size := float64(i), float64(i)
				if col < n {
					if !add {
						want, size = 0, 0
					}
					for l := range k {
						v := float64(a.Data[row*a.Row+l*a.Col]) * float64(b.Data[l*b.Row+col*b.Col])
						want, size = want+v, size+math.Abs(v)
					}
				}
				if math.Abs(float64(dst[i])-want) > 1e-6*float64(k+1)*size {
					t.Fatalf("%s, %d×%d×%d, add %t: element (%d, %d) is %v, want %v", mk.name, m, k, n, add, row, col, dst[i], want)
				}
			}
		}
	}
}

func TestMultiplyAllocates(t *testing.T) {
	var p Products[float32]
	x := make([]float32, 64*64)
	y := make([]float32, 64*64)
	m := Matrix[float32]{Data: x, Row: 64, Col: 1}
	if n := testing.AllocsPerRun(10, func() { p.Multiply(y, 64, 64, 64, 64, m, m, true) }); n > 0 {
		t.Errorf("%v allocations for each product", n)
	}
}

func BenchmarkMultiply(b *testing.B) {
	for _, s := range []struct {
		m, n, k int
		layout  string
	}{{40, 578, 200, "plain"}, {200, 578, 40, "a transposed"}, {40, 200, 578, "b transposed"}, {8, 578, 8, "plain"}, {640, 18, 576, "plain"}, {64, 576, 18, "b transposed"}, {40, 2178, 200, "plain"}, {40, 200, 2178, "b transposed"}} {
		b.Run(fmt.Sprintf("%dx%dx%d %s", s.m, s.k, s.n, s.layout), func(b *testing.B) {
			var p Products[float32]
			x := Matrix[float32]{Data: make([]float32, s.m*s.k), Row: s.k, Col: 1}
			y := Matrix[float32]{Data: make([]float32, s.k*s.n), Row: s.n, Col: 1}
			switch s.layout {
			case "a transposed":
				x.Row, x.Col = 1, s.m
			case "b transposed":
				y.Row, y.Col = 1, s.k
			}
			dst := make([]float32, s.m*s.n)
			for b.Loop() {
				p.Multiply(dst, s.n, s.m, s.n, s.k, x, y, false)
			}
			b.ReportMetric(2*float64(s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
