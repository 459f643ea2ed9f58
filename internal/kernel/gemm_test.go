package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomOperand lays products matrices of rows×cols out with random strides and gaps.
func randomOperand[T any](r *rand.Rand, rows, cols, products int, draw func(n int) []T) Operand[T] {
	o := Operand[T]{RowStride: cols, ColStride: 1}
	size := rows * cols
	switch r.IntN(3) {
	case 0:
		o.RowStride, o.ColStride = 1, rows
	case 1:
		gap := 1 + r.IntN(3)
		o.RowStride, o.ColStride = cols*2+gap, 2
		size = rows * o.RowStride
	}
	shared := r.IntN(3) == 0
	for p := range products {
		if shared {
			p = 0
		}
		o.Offsets = append(o.Offsets, p*size)
	}
	o.Data = draw(products * size)
	return o
}

func TestGemmAgainstRef(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		m, n, k, products := 1+r.IntN(130), 1+r.IntN(130), 1+r.IntN(80), 1+r.IntN(3)
		switch r.IntN(6) {
		case 0:
			m = 1
		case 1:
			n = 1
		case 2:
			k = 200 + r.IntN(400)
		}
		draw := func(n int) []float32 { return randomFloats(r, n) }
		a, b := randomOperand(r, m, k, products, draw), randomOperand(r, k, n, products, draw)
		what := fmt.Sprintf("%d products of %d×%d by %d×%d", products, m, k, k, n)
		want := make([]float32, products*m*n)
		GemmRef(want, m, n, k, a, b)
		for _, mk := range microKernels() {
			for _, packed := range []*PackedCols{nil, packColsFor(mk, b, k, n)} {
				if packed != nil && b.Offsets[products-1] != b.Offsets[0] {
					continue
				}
				var one []float32
				for _, pool := range pools {
					got := make([]float32, len(want))
					scratch := make([]float32, GemmScratch(pool, products, m, n, k))
					gemmWith(mk, pool, scratch, got, m, n, k, a, b, packed)
					if one == nil {
						one = got
						compare(t, what+", "+mk.name, got, want, k)
					}
					same(t, fmt.Sprintf("%s, %s, %d threads", what, mk.name, pool.Threads()), got, one)
				}
			}
		}
		generic := make([]float32, len(want))
		GemmGeneric(pools[1], generic, m, n, k, a, b)
		same(t, what+", generic", generic, want)
	}
}

func TestGemmIntegerAgainstRef(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 30 {
		m, n, k, products := 1+r.IntN(60), 1+r.IntN(60), 1+r.IntN(600), 1+r.IntN(3)
		a, b := randomOperand(r, m, k, products, func(n int) []uint8 { return randomBytes[uint8](r, n) }), randomOperand(r, k, n, products, func(n int) []int8 { return randomBytes[int8](r, n) })
		za, zb := ZeroPoints{Values: zeros[uint8](r, 1)}, ZeroPoints{Values: zeros[int8](r, products*n), Stride: 1}
		for p := range products {
			zb.Offsets = append(zb.Offsets, p*n)
		}
		want := make([]int32, products*m*n)
		GemmIntegerRef(want, m, n, k, a, b, za, zb)
		for _, mk := range microKernels() {
			for _, pool := range pools {
				got := make([]int32, len(want))
				gemmIntegerWith(mk, pool, nil, got, m, n, k, a, b, za, zb)
				if !slices.Equal(got, want) {
					t.Fatalf("%d products of %d×%d by %d×%d, %s, %d threads: sums differ", products, m, k, k, n, mk.name, pool.Threads())
				}
			}
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	pool := NewPool(1)
	for _, c := range []struct{ m, n, k int }{{512, 512, 512}, {1, 1000, 1280}, {64, 64, 64}} {
		r := rand.New(rand.NewPCG(1, 2))
		x, y := Operand[float32]{randomFloats(r, c.m*c.k), []int{0}, c.k, 1}, Operand[float32]{randomFloats(r, c.k*c.n), []int{0}, c.n, 1}
		dst := make([]float32, c.m*c.n)
		scratch := make([]float32, GemmScratch(pool, 1, c.m, c.n, c.k))
		for _, packed := range []*PackedCols{nil, PackCols(y, c.k, c.n)} {
			name := fmt.Sprintf("%dx%dx%d", c.m, c.k, c.n)
			if packed != nil {
				name += "/packed"
			}
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					Gemm(pool, scratch, dst, c.m, c.n, c.k, x, y, packed)
				}
				b.ReportMetric(2*float64(c.m*c.n*c.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
