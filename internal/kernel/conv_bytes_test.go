package kernel

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// randomConvBytes draws a convolution with two axes, dense or depthwise.
func randomConvBytes(r *rand.Rand) convCase {
	for {
		if c := randomConv(r, 2); c.p.Groups == 1 || c.p.Groups == c.p.In {
			return c
		}
	}
}

// checkConvBytes holds a convolution on every kernel and pool to the sums of ConvIntegerRef, brought to bytes one by one.
func checkConvBytes(t *testing.T, r *rand.Rand, c convCase) {
	t.Helper()
	src, weights := randomBytes[uint8](r, c.s.Batch*c.p.In*product(c.s.In)), randomBytes[int8](r, c.p.Out*c.p.In/c.p.Groups*c.p.Taps())
	zero := uint8(r.IntN(256))
	e := BytesEpilogue{Scale: make([]float32, c.p.Out), To: ByteParams{Zero: uint8(r.IntN(256))}}
	if r.IntN(2) == 0 {
		e.Least = e.To.Zero
	}
	if r.IntN(2) == 0 {
		e.Bias = make([]int32, c.p.Out)
		for i := range e.Bias {
			e.Bias[i] = int32(r.IntN(20001) - 10000)
		}
	}
	for i := range e.Scale {
		e.Scale[i] = float32(math.Exp2(r.Float64()*8 - 14))
		if r.IntN(20) == 0 {
			e.Scale[i] = 0.5 // ties
		}
	}
	sums := make([]int32, c.s.Batch*c.p.Out*product(c.s.Out))
	ConvIntegerRef(sums, src, weights, int32(zero), nil, c.p, c.s)
	want := make([]uint8, len(sums))
	lo, hi := e.To.bounds(e.Least)
	for i, sum := range sums {
		channel := i / product(c.s.Out) % c.p.Out
		if e.Bias != nil {
			sum += e.Bias[channel]
		}
		want[i] = roundByte(float32(sum)*e.Scale[channel], lo, hi, int32(e.To.Zero))
	}
	for _, bk := range byteKernels() {
		conv, err := newConvBytesFor(bk, micro, c.p, weights, zero, e)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		if !conv.Fits(c.s) {
			continue
		}
		for _, pool := range pools {
			got := make([]uint8, len(want))
			if err := conv.Run(pool, make([]float32, conv.Scratch(pool, c.s)), got, src, c.s); err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			if !bytes.Equal(got, want) {
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%v, %s, %d threads: element %d is %d, want %d", c, bk.name, pool.Threads(), i, got[i], want[i])
					}
				}
			}
		}
	}
}

func TestConvBytesAgainstRef(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	for range 150 {
		checkConvBytes(t, r, randomConvBytes(r))
	}
}

func FuzzConvBytes(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		checkConvBytes(t, r, randomConvBytes(r))
	})
}

// TestByteRows compares the assembly of rows of bytes with its Go twins, bit by bit, for lengths around whole vectors.
func TestByteRows(t *testing.T) {
	r := rand.New(rand.NewPCG(53, 54))
	for _, bk := range byteKernels() {
		for n := range 70 {
			x, y, got, want := randomBytes[uint8](r, n), randomBytes[uint8](r, n), make([]uint8, n), make([]uint8, n)
			p, q, to := ByteParams{r.Float32(), uint8(r.IntN(256))}, ByteParams{r.Float32(), uint8(r.IntN(256))}, ByteParams{r.Float32() / 4, uint8(r.IntN(256))}
			least := uint8(r.IntN(256))
			lo, hi := to.bounds(least)
			check := func(what string) {
				t.Helper()
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, %s of %d: %v, want %v", bk.name, what, n, got, want)
				}
			}
			bk.addBytes(pools[1], got, x, y, [2]ByteParams{p, q}, to, least)
			addBytesGo(want, x, y, [2]ByteParams{p, q}, to, lo, hi)
			check("add")
			f, g := make([]float32, n), make([]float32, n)
			bk.widenRow(f, x, int32(p.Zero), p.Scale)
			widenBytesGo(g, x, int32(p.Zero), p.Scale)
			same(t, bk.name+", widen", f, g)
			for i := range f {
				f[i] = []float32{r.Float32()*100 - 50, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(r.IntN(99)) * to.Scale / 2}[r.IntN(5)]
			}
			bk.quantizeRow(got, f, to.Scale, lo, hi, int32(to.Zero))
			quantizeRowGo(want, f, to.Scale, lo, hi, int32(to.Zero))
			check("quantize")
			for i := range f {
				f[i] = float32(r.IntN(1<<20) - 1<<19)
			}
			bk.narrowRow(got, f, 77, 0.001, lo, hi, int32(to.Zero))
			narrowSumsGo(want, f, 77, 0.001, lo, hi, int32(to.Zero))
			check("narrow")
		}
	}
}

// BenchmarkConvBytes names kernel size, stride, dilation, channels, groups and source size; an operation is a multiply or
// an add of bytes.
func BenchmarkConvBytes(b *testing.B) {
	pool := NewPool(1)
	defer pool.Close()
	for _, c := range []struct{ k, stride, dilation, in, out, groups, size int }{
		{3, 1, 1, 304, 256, 1, 129}, {3, 1, 1, 64, 64, 1, 257}, {3, 2, 1, 64, 128, 1, 257}, {5, 1, 2, 40, 40, 1, 65},
		{1, 1, 1, 1280, 256, 1, 65}, {1, 1, 1, 400, 40, 1, 65}, {1, 1, 1, 20, 20, 1, 129}, {3, 1, 1, 20, 20, 20, 129}, {5, 1, 1, 80, 80, 80, 33},
	} {
		out := (c.size-1)/c.stride + 1
		p := ConvParams{In: c.in, Out: c.out, Groups: c.groups, Kernel: []int{c.k, c.k}, Strides: []int{c.stride, c.stride}, Dilations: []int{c.dilation, c.dilation}}
		pad := c.k / 2 * c.dilation
		s := ConvShape{Batch: 1, In: []int{c.size, c.size}, Out: []int{out, out}, Pad: []int{pad, pad}}
		r := rand.New(rand.NewPCG(1, 2))
		src, dst := randomBytes[uint8](r, c.in*c.size*c.size), make([]uint8, c.out*out*out)
		weights := randomBytes[int8](r, c.out*c.in/c.groups*c.k*c.k)
		scale := make([]float32, c.out)
		for _, bk := range byteKernels() {
			conv, err := newConvBytesFor(bk, micro, p, weights, 128, BytesEpilogue{Scale: scale})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%dx%d/s%d/d%d/c%d-%d/g%d/%dx%d/%s", c.k, c.k, c.stride, c.dilation, c.in, c.out, c.groups, c.size, c.size, bk.name), func(b *testing.B) {
				scratch := make([]float32, conv.Scratch(pool, s))
				for b.Loop() {
					if err := conv.Run(pool, scratch, dst, src, s); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(2*float64(len(weights))*float64(out*out)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
			})
		}
	}
}
