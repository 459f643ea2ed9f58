package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// reportRate reports what each operation moves or computes, in units of 1e9 a second.
func reportRate(b *testing.B, each int, unit string) {
	b.ReportMetric(float64(each)*float64(b.N)/b.Elapsed().Seconds()/1e9, unit)
}

// squareTaps are the offsets of a k×k window.
func squareTaps(b Border, k, rate int) (offsets []int) {
	for i := range k * k {
		offsets = append(offsets, b.Offset(rate*(i/k-k/2), rate*(i%k-k/2)))
	}
	return offsets
}

func BenchmarkShift(b *testing.B) {
	for _, size := range []int{9, 17, 33} {
		for _, k := range []int{3, 5} {
			border := Border{N: 2, H: size, W: size, Pad: k / 2}
			offsets := squareTaps(border, k, 1)
			r := rand.New(rand.NewPCG(1, 2))
			run, weights := randomRow(r, border.Len()), randomRow(r, k*k)
			dst, which := make([]float32, border.Span()), make([]uint8, border.Span())
			dx := make([]float32, border.Len())
			name := fmt.Sprintf("%dx%d/2x%dx%d", k, k, size, size)
			flops := 2 * k * k * border.Span()
			b.Run("Sum/"+name, func(b *testing.B) {
				for b.Loop() {
					ShiftSum(dst, run, border.First(), offsets, weights)
				}
				reportRate(b, flops, "GFLOP/s")
			})
			b.Run("Dots/"+name, func(b *testing.B) {
				for b.Loop() {
					ShiftDots(weights, dst, run, border.First(), offsets)
				}
				reportRate(b, flops, "GFLOP/s")
			})
			if k > 3 {
				continue
			}
			b.Run("Max/"+name, func(b *testing.B) {
				for b.Loop() {
					ShiftMax(dst, which, run, border.First(), offsets)
				}
				reportRate(b, flops/2, "Gtaps/s")
			})
			b.Run("MaxGrad/"+name, func(b *testing.B) {
				for b.Loop() {
					ShiftMaxGrad(dx, border.First(), dst, which, offsets)
				}
				reportRate(b, flops/2, "Gtaps/s")
			})
		}
	}
}

func BenchmarkBorder(b *testing.B) {
	for _, size := range []int{5, 9, 17, 33} {
		border := Border{N: 2, H: size, W: size, Pad: 2}
		run, dense := make([]float32, border.Len()), make([]float32, 2*size*size)
		for name, f := range map[string]func(){
			"Expand":      func() { Expand(border, run, dense) },
			"Compress":    func() { Compress(border, dense, run, 1) },
			"CompressAdd": func() { CompressAdd(border, dense, run, 1) },
			"ExpandAdd":   func() { ExpandAdd(border, run, dense, 1) },
		} {
			b.Run(fmt.Sprintf("%s/2x%dx%d", name, size, size), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				reportRate(b, 8*len(dense), "GB/s")
			})
		}
	}
}

// BenchmarkRowMath counts what is read and written.
func BenchmarkRowMath(b *testing.B) {
	for _, n := range []int{50, 578, 2178} {
		r := rand.New(rand.NewPCG(1, 2))
		x, y, dst := randomRow(r, n), randomRow(r, n), randomRow(r, n)
		for _, f := range []struct {
			name string
			rows int
			do   func()
		}{
			{"Sum", 1, func() { Sum(x) }},
			{"CentredSquares", 1, func() { CentredSquares(x, 0.5) }},
			{"Dot", 2, func() { Dot(x, y) }},
			{"SumDot", 2, func() { SumDot(x, y) }},
			{"Axpy", 3, func() { Axpy(dst, 1e-9, x) }},
			{"ScaleTo", 2, func() { ScaleTo(dst, 0.5, x) }},
			{"Normalise", 2, func() { Normalise(dst, x, 0.5, 2) }},
			{"NormaliseRelu", 2, func() { NormaliseRelu(dst, x, 0.5, 2) }},
			{"LinearTo", 3, func() { LinearTo(dst, 0.5, x, 0.5, y, 1) }},
			{"Relu", 2, func() { Relu(dst, x) }},
			{"ReluGrad", 3, func() { ReluGrad(dst, x, y) }},
			{"AddTo", 3, func() { AddTo(dst, x) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", f.name, n), func(b *testing.B) {
				for b.Loop() {
					f.do()
				}
				reportRate(b, 4*f.rows*n, "GB/s")
			})
		}
	}
}

func BenchmarkCrossEntropy(b *testing.B) {
	const classes, pixels = 19, 2 * 65 * 65
	pool := NewPool(1)
	r := rand.New(rand.NewPCG(1, 2))
	logits, dst, labels := randomRow(r, classes*pixels), make([]float32, classes*pixels), make([]uint8, pixels)
	for i := range labels {
		labels[i] = uint8(r.IntN(classes))
	}
	b.Run(fmt.Sprintf("loss/%dx%d", classes, pixels), func(b *testing.B) {
		for b.Loop() {
			CrossEntropy(pool, logits, labels, classes, pixels, 255)
		}
		reportRate(b, 4*classes*pixels, "GB/s")
	})
	b.Run(fmt.Sprintf("gradient/%dx%d", classes, pixels), func(b *testing.B) {
		for b.Loop() {
			CrossEntropyGrad(pool, dst, logits, labels, classes, pixels, 255, 1, pixels)
		}
		reportRate(b, 8*classes*pixels, "GB/s")
	})
}
