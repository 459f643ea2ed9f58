package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestBatchNorm(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 100 {
		n, channels, size := 1+r.IntN(3), 1+r.IntN(5), 1+r.IntN(70)
		if r.IntN(10) == 0 {
			size = planePiece + r.IntN(100)
		}
		src, scale, bias := eighths(r, n*channels*size), eighths(r, channels), eighths(r, channels)
		mean, variance := eighths(r, channels), make([]float32, channels)
		for c := range variance {
			variance[c] = float32(r.Float64() * 10)
		}
		const epsilon = 1e-3
		want := make([]float32, len(src))
		m, v := BatchNormRef(want, src, n, channels, size, scale, bias, mean, variance, epsilon)
		checkNear(t, threadsAgree(t, len(src), func(p *Pool, dst []float32) {
			BatchNorm(p, dst, src, n, channels, size, scale, bias, mean, variance, epsilon)
		}), want, 1e-6)

		stats := threadsAgree(t, 2*channels, func(p *Pool, dst []float64) {
			BatchStats(p, dst[:channels], dst[channels:], src, n, channels, size)
		})
		checkNear(t, stats, append(append([]float64{}, m...), v...), 1e-13)
		BatchNormRef(want, src, n, channels, size, scale, bias, nil, nil, epsilon)
		checkNear(t, threadsAgree(t, len(src), func(p *Pool, dst []float32) {
			Standardise(p, dst, src, n, channels, size, scale, bias, stats[:channels], stats[channels:], epsilon)
		}), want, 1e-6)
	}
}

// TestBatchStatsFarFromZero has a mean 10⁴ times the deviation, where one pass of sums and squares in float32 would
// leave nothing of the variance.
func TestBatchStatsFarFromZero(t *testing.T) {
	const n = 100_000
	src := make([]float32, n)
	for i := range src {
		src[i] = 10_000 + float32(i%2) // half 10000, half 10001
	}
	var mean, variance [1]float64
	BatchStats(NewPool(1), mean[:], variance[:], src, 1, 1, n)
	if mean[0] != 10_000.5 || variance[0] != 0.25 {
		t.Errorf("mean %v and variance %v, want 10000.5 and 0.25", mean[0], variance[0])
	}
}

// TestRowNorms holds InstanceNorm and LayerNorm against BatchNormRef on single images and rows.
func TestRowNorms(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	const epsilon = 1e-3
	for range 100 {
		n, channels, size := 1+r.IntN(3), 1+r.IntN(5), 1+r.IntN(70)
		src, scale, bias := eighths(r, n*channels*size), eighths(r, channels), eighths(r, channels)
		want := make([]float32, len(src))
		for i := range n {
			image := channels * size
			BatchNormRef(want[i*image:][:image], src[i*image:][:image], 1, channels, size, scale, bias, nil, nil, epsilon)
		}
		checkNear(t, threadsAgree(t, len(src), func(p *Pool, dst []float32) {
			InstanceNorm(p, dst, src, n, channels, size, scale, bias, epsilon)
		}), want, 1e-6)

		rows := n * channels
		for _, length := range []int{size, rows * size} { // of the parameters
			s, b := eighths(r, length), eighths(r, length)
			if r.IntN(3) == 0 {
				b = nil
			}
			means := make([]float64, rows)
			for row := range rows {
				ones, zeros := []float32{1}, []float32{0}
				line := make([]float64, size)
				m, _ := BatchNormRef(line, widened(src[row*size:][:size]), 1, 1, size, widened(ones), widened(zeros), nil, nil, epsilon)
				means[row] = m[0]
				for i := range size {
					at := (row*size + i) % length
					v := line[i] * float64(s[at])
					if b != nil {
						v += float64(b[at])
					}
					want[row*size+i] = float32(v)
				}
			}
			checkNear(t, threadsAgree(t, len(src), func(p *Pool, dst []float32) {
				got := make([]float64, rows)
				LayerNorm(p, dst, src, rows, size, s, b, got, nil, epsilon)
				checkNear(t, got, means, 1e-13)
			}), want, 1e-6)
		}
	}
}

func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	for range 50 {
		n, channels, height, width, b := 1+r.IntN(2), 1+r.IntN(3), 1+r.IntN(4), 1+r.IntN(4), 1+r.IntN(3)
		src := eighths(r, n*channels*b*b*height*width)
		p := NewPool(2)
		there, back := make([]float32, len(src)), make([]float32, len(src))
		DepthToSpace(p, there, src, n, channels, height, width, b, false)
		SpaceToDepth(p, back, there, n, channels, height, width, b)
		checkNear(t, back, src, 0)
	}
}

func BenchmarkBatchNorm(b *testing.B) {
	const channels, size = 40, 129 * 257
	r := rand.New(rand.NewPCG(1, 1))
	src, dst, p := eighths(r, channels*size), make([]float32, channels*size), NewPool(1)
	v := eighths(r, channels)
	for c := range v {
		v[c] = v[c]*v[c] + 1
	}
	mean, variance := make([]float64, channels), make([]float64, channels)
	run := func(name string, f func()) {
		b.Run(fmt.Sprintf("%s/c%d-129x257", name, channels), func(b *testing.B) {
			b.SetBytes(4 * channels * size)
			for b.Loop() {
				f()
			}
		})
	}
	run("inference", func() { BatchNorm(p, dst, src, 1, channels, size, v, v, v, v, 1e-3) })
	run("training", func() {
		BatchStats(p, mean, variance, src, 1, channels, size)
		Standardise(p, dst, src, 1, channels, size, v, v, mean, variance, 1e-3)
	})
}
