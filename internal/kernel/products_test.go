package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// checkMultiply compares one product with sums in float64, and with Gemm, which sums in the same order, to the bit.
// layout's bits choose: A's rows contiguous or its columns, B's, gaps between rows, whether to add.
func checkMultiply(t *testing.T, p *Products[float32], mk *microKernel, r *rand.Rand, m, n, k int, layout uint) {
	t.Helper()
	matrix := func(rows, cols int, transposed bool) Matrix[float32] {
		gap := 0
		if layout&4 != 0 {
			gap = 1 + r.IntN(3)
		}
		x := Matrix[float32]{Row: cols + gap, Col: 1}
		size := (rows-1)*x.Row + cols
		if transposed {
			x.Row, x.Col = 1, rows+gap
			size = (cols-1)*x.Col + rows
		}
		x.Data = randomRow(r, size)
		return x
	}
	a, b, add := matrix(m, k, layout&1 != 0), matrix(k, n, layout&2 != 0), layout&8 != 0
	ld := n + int(layout&4)
	dst := make([]float32, (m-1)*ld+n)
	for i := range dst {
		dst[i] = float32(i)
	}
	p.multiply(mk, dst, ld, m, n, k, a, b, add)
	what := fmt.Sprintf("%s, %d×%d×%d, A by %d and %d, B by %d and %d, add %t", mk.name, m, k, n, a.Row, a.Col, b.Row, b.Col, add)
	product := make([]float32, m*n)
	gemmWith(mk, pools[0], nil, product, m, n, k, Operand[float32]{a.Data, []int{0}, a.Row, a.Col}, Operand[float32]{b.Data, []int{0}, b.Row, b.Col}, nil)
	for i := range dst {
		row, col := i/ld, i%ld
		want, size := float64(i), float64(i)
		if col < n {
			if !add {
				want, size = 0, 0
				if dst[i] != product[row*n+col] {
					t.Fatalf("%s: element (%d, %d) is %v, but Gemm gives %v", what, row, col, dst[i], product[row*n+col])
				}
			}
			for l := range k {
				v := float64(a.Data[row*a.Row+l*a.Col]) * float64(b.Data[l*b.Row+col*b.Col])
				want, size = want+v, size+math.Abs(v)
			}
		}
		if math.Abs(float64(dst[i])-want) > 1e-6*float64(k+1)*size {
			t.Fatalf("%s: element (%d, %d) is %v, want %v", what, row, col, dst[i], want)
		}
	}
}

// TestMultiply compares products of all layouts, tails and depths, on every micro-kernel and with every assembly that
// packs.
func TestMultiply(t *testing.T) {
	eachTrainSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, mk := range microKernels() {
			var p Products[float32]
			for trial := range 64 {
				m, n, k := 1+r.IntN(40), 1+r.IntN(120), 1+r.IntN(60)
				if trial%32 == 0 {
					m, n, k = 1+r.IntN(80), 500+r.IntN(100), 250+r.IntN(300)
				}
				checkMultiply(t, &p, mk, r, m, n, k, uint(trial))
			}
		}
	})
}

// FuzzMultiply is TestMultiply for any sizes.
func FuzzMultiply(f *testing.F) {
	f.Add(uint8(13), uint16(33), uint16(16), uint8(3), uint64(1))
	f.Add(uint8(57), uint16(600), uint16(257), uint8(8), uint64(2))
	f.Add(uint8(1), uint16(1), uint16(1), uint8(6), uint64(3))
	f.Fuzz(func(t *testing.T, m uint8, n, k uint16, layout uint8, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		for _, mk := range microKernels() {
			var p Products[float32]
			checkMultiply(t, &p, mk, r, 1+int(m)%100, 1+int(n)%700, 1+int(k)%600, uint(layout))
		}
	})
}

// TestMultiplyGo holds the plain loop, which float64 takes, against GemmRef.
func TestMultiplyGo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	draw := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	for range 50 {
		m, n, k := 1+r.IntN(10), 1+r.IntN(10), 1+r.IntN(10)
		a, b := randomOperand(r, m, k, 1, draw), randomOperand(r, k, n, 1, draw)
		got, want := make([]float64, m*n), make([]float64, m*n)
		GemmRef(want, m, n, k, a, b)
		var p Products[float64]
		x, y := Matrix[float64]{a.Data, a.RowStride, a.ColStride}, Matrix[float64]{b.Data, b.RowStride, b.ColStride}
		p.Multiply(got, n, m, n, k, x, y, false)
		p.Multiply(got, n, m, n, k, x, y, true)
		for i := range want {
			want[i] *= 2
		}
		checkNear(t, got, want, 1e-12)
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
