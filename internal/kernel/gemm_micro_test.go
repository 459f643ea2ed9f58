package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMicroKernels holds every assembly micro-kernel against the portable one, for each height, and both against what
// Epilogue promises of NaN and infinities.
func TestMicroKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, mk := range microKernels() {
		for rows := 1; rows <= mk.rows; rows++ {
			for _, k := range []int{1, 2, 7, 64} {
				for flags := range 4 {
					a, b, bias := randomFloats(r, k*rows), randomFloats(r, k*mk.cols), randomFloats(r, rows)
					ldc := mk.cols + 5
					c := randomFloats(r, rows*ldc)
					c[0], c[1], c[2], bias[rows-1] = nan, inf, -inf, 100
					want := slices.Clone(c)
					mk.tile(rows, k, a, b, c, ldc, bias, -0.5, 0.5, flags)
					tileGo(rows, k, a, b, want, ldc, bias, -0.5, 0.5, flags)
					for i := range c {
						if d := math.Abs(float64(c[i] - want[i])); d > 1e-5 || math.IsNaN(float64(c[i])) != math.IsNaN(float64(want[i])) {
							t.Fatalf("%s, %d rows, k %d, flags %d: element %d is %v, want %v", mk.name, rows, k, flags, i, c[i], want[i])
						}
					}
					if flags == accumulate|finish && (c[0] == c[0] || c[1] != 0.5 || c[2] != -0.5 || c[(rows-1)*ldc+4] != 0.5) {
						t.Fatalf("%s, %d rows: epilogue gave %v, %v, %v, %v of NaN, ±Inf and a high bias", mk.name, rows, c[0], c[1], c[2], c[(rows-1)*ldc+4])
					}
				}
			}
		}
	}
}

func TestDepthwiseRow(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, mk := range microKernels() {
		for n := 1; n < 140; n++ {
			taps := 1 + r.IntN(9)
			offsets := make([]int, taps)
			for i := range offsets {
				offsets[i] = r.IntN(50)
			}
			src, weights := randomFloats(r, n+50), randomFloats(r, taps)
			got, want := randomFloats(r, n+1), make([]float32, n)
			guard := got[n]
			mk.depthwiseRow(got[:n], src[:n+50], offsets, weights, 0.25, -1, 1)
			depthwiseRowGo(want, src, offsets, weights, 0.25, -1, 1)
			compare(t, fmt.Sprintf("%s, %d pixels", mk.name, n), got, want, taps)
			if got[n] != guard {
				t.Fatalf("%s, %d pixels: wrote beyond the row", mk.name, n)
			}
		}
	}
}

func TestCopyLanes(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, mk := range microKernels() {
		for n := 1; n <= mk.cols; n++ {
			src, got := randomFloats(r, 3*100), randomFloats(r, 3*mk.cols)
			want := slices.Clone(got)
			mk.copyLanes(got, src, n, 3, mk.cols, 100)
			copyRows(want, mk.cols, src, 100, 3, n)
			same(t, fmt.Sprintf("%s, %d lanes", mk.name, n), got, want)
		}
	}
}

func BenchmarkMicroKernel(b *testing.B) {
	for _, mk := range microKernels() {
		for _, rows := range []int{1, 2, 4, 6, 10, 13, 14} {
			if rows > mk.rows {
				continue
			}
			k := 256
			x, y, c, bias := make([]float32, k*rows), make([]float32, k*mk.cols), make([]float32, rows*mk.cols), make([]float32, rows)
			b.Run(fmt.Sprintf("%s/%dx%d/k%d", mk.name, rows, mk.cols, k), func(b *testing.B) {
				for b.Loop() {
					mk.tile(rows, k, x, y, c, mk.cols, bias, 0, 0, 0)
				}
				b.ReportMetric(2*float64(k*rows*mk.cols)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
