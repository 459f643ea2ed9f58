package kernel

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomWinograd draws a convolution of stride 1 for a kernel of 3×3 or 5×5.
func randomWinograd(r *rand.Rand) convCase {
	k := 3 + 2*r.IntN(2)
	c := convCase{p: ConvParams{In: 1 + r.IntN(40), Out: 1 + r.IntN(40), Groups: 1, Kernel: []int{k, k}, Strides: []int{1, 1}}}
	c.s.Batch = 1 + r.IntN(3)
	for {
		c.p.Dilations, c.s.In, c.s.Out, c.s.Pad = nil, nil, nil, nil
		ok := true
		for range 2 {
			d := []int{1, 1, 1, 2, 2, 3, 4, 12, 24, 36}[r.IntN(10)]
			size := 1 + r.IntN([]int{4, 20, 90}[r.IntN(3)])
			before, after := r.IntN((k-1)*d+2), r.IntN((k-1)*d+2)
			if r.IntN(2) == 0 {
				before, after = (k-1)/2*d, (k-1)/2*d
			}
			if r.IntN(12) == 0 {
				before = -min(r.IntN(3), size-1)
			}
			out := size + before + after - (k-1)*d
			ok = ok && out > 0
			c.p.Dilations = append(c.p.Dilations, d)
			c.s.In, c.s.Out, c.s.Pad = append(c.s.In, size), append(c.s.Out, out), append(c.s.Pad, before)
		}
		if ok && c.p.In*c.p.Out*c.s.Batch*product(c.s.Out) < 1<<20 {
			return c
		}
	}
}

// checkWinograd runs a convolution by every algorithm that fits, with every micro-kernel and pool.
func checkWinograd(t *testing.T, r *rand.Rand, c convCase) {
	t.Helper()
	src, weights, bias := randomFloats(r, c.s.Batch*c.p.In*product(c.s.In)), randomFloats(r, c.p.Out*c.p.In*c.p.Taps()), randomFloats(r, c.p.Out)
	want := make([]float32, c.s.Batch*c.p.Out*product(c.s.Out))
	ConvRef(want, src, weights, bias, c.p, c.s)
	e := NoClamp(bias)
	if r.IntN(2) == 0 {
		e.Lo, e.Hi = 0, 6
		for i := range want {
			want[i] = min(max(want[i], 0), 6)
		}
	}
	for _, mk := range microKernels() {
		w := newWinograd(mk, &c.p, weights, e)
		for _, a := range winogradAlgorithms {
			var one []float32
			for _, pool := range pools {
				p, ok := w.plan(a, &c.s, pool.Threads())
				if !ok {
					continue
				}
				got := make([]float32, len(want))
				scratch := make([]float32, pool.Threads()*p.scratch())
				for i := range got {
					got[i] = float32(math.NaN())
				}
				for i := range scratch {
					scratch[i] = float32(math.NaN())
				}
				p.run(pool, scratch, got, src)
				if one == nil {
					one = got
					compare(t, fmt.Sprintf("%v, %s, %s", c, mk.name, a.Name), got, want, 40*c.p.In*c.p.Taps())
				}
				same(t, fmt.Sprintf("%v, %s, %s, %d threads", c, mk.name, a.Name, pool.Threads()), got, one)
			}
		}
	}
}

func TestWinogradAgainstRef(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for range 150 {
		checkWinograd(t, r, randomWinograd(r))
	}
}

// TestChooseWinograd holds the cost model to what BenchmarkWinograd found quickest, where the difference is clear.
func TestChooseWinograd(t *testing.T) {
	for _, c := range []struct {
		k, stride, dilation, in, out, groups, size int
		want                                       string
	}{
		{3, 1, 1, 256, 256, 1, 129, "F43"}, {3, 1, 1, 64, 64, 1, 257, "F43"},
		{3, 1, 12, 200, 256, 1, 65, "F33"}, {3, 1, 24, 200, 256, 1, 65, "F33"},
		{3, 1, 36, 200, 256, 1, 65, ""}, // hardly any taps are left
		{3, 1, 2, 40, 40, 1, 65, "F43"}, {5, 1, 2, 40, 40, 1, 65, "F35"}, {5, 1, 2, 160, 160, 1, 17, "F35"},
		{3, 2, 1, 64, 128, 1, 257, ""}, {1, 1, 1, 256, 256, 1, 129, ""}, {3, 1, 1, 64, 64, 64, 129, ""}, {3, 1, 1, 8, 8, 8, 129, ""},
		{3, 1, 1, 3, 2, 1, 129, ""}, // transforms would cost more than products
	} {
		p := ConvParams{In: c.in, Out: c.out, Groups: c.groups, Kernel: []int{c.k, c.k}, Strides: []int{c.stride, c.stride}, Dilations: []int{c.dilation, c.dilation}}
		out, pad := (c.size-1)/c.stride+1, c.k/2*c.dilation
		s := ConvShape{Batch: 1, In: []int{c.size, c.size}, Out: []int{out, out}, Pad: []int{pad, pad}}
		conv, err := NewConv(p, make([]float32, c.out*c.in/c.groups*c.k*c.k), NoClamp(nil))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if plan, ok := conv.chooseWinograd(&s, 1); ok {
			got = plan.a.Name
		}
		if got != c.want {
			t.Errorf("%d×%d, stride %d, rate %d, %d→%d in %d groups, %d×%d: %q, want %q", c.k, c.k, c.stride, c.dilation, c.in, c.out, c.groups, c.size, c.size, got, c.want)
		}
	}
}

// FuzzWinograd draws convolutions from a seed and holds every algorithm against ConvRef.
func FuzzWinograd(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		checkWinograd(t, r, randomWinograd(r))
	})
}

// winogradBound is what winograd.go promises.
const winogradBound = 16

// TestWinogradError measures errors against exact sums where rounding hurts most: large numbers of either sign that
// cancel, numbers that differ little, weights that add up to nothing, and numbers of very different size.
func TestWinogradError(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	sign := func() float32 { return float32(2*r.IntN(2) - 1) }
	inputs := map[string]func(i int) float32{
		"normal":          func(int) float32 { return float32(r.NormFloat64()) },
		"±1e4":            func(int) float32 { return 1e4 * sign() },
		"1e4 and a bit":   func(int) float32 { return 1e4 + r.Float32() },
		"alternating 1e4": func(i int) float32 { return 1e4 * float32(1-2*(i%2)) },
		"many sizes":      func(int) float32 { return sign() * float32(math.Pow(10, r.Float64()*8-4)) },
		"one of 1e4":      func(i int) float32 { return float32(r.NormFloat64()) + 1e4*float32(1-min(i%97, 1)) },
	}
	weights := map[string]func(i, of int) float32{
		"normal":      func(int, int) float32 { return float32(r.NormFloat64()) },
		"±1":          func(int, int) float32 { return sign() },
		"equal":       func(int, int) float32 { return 1 },
		"add up to 0": func(i, of int) float32 { return float32(2*i - of + 1) },
	}
	worst := make(map[string]float64)
	for _, k := range []int{3, 5} {
		for _, name := range slices.Sorted(maps.Keys(inputs)) {
			for _, kind := range slices.Sorted(maps.Keys(weights)) {
				input, weight := inputs[name], weights[kind]
				c := convCase{ConvParams{In: 64, Out: 15, Groups: 1, Kernel: []int{k, k}, Strides: []int{1, 1}, Dilations: []int{1, 1}},
					ConvShape{1, []int{19, 23}, []int{19, 23}, []int{k / 2, k / 2}}}
				src, w := make([]float32, 64*19*23), make([]float32, 15*64*k*k)
				largest, sum := 0.0, 0.0
				for i := range src {
					src[i] = input(i)
					largest = max(largest, math.Abs(float64(src[i])))
				}
				for m := range 15 {
					s := 0.0
					for i := range 64 * k * k {
						v := weight(i%(k*k), k*k)
						w[m*64*k*k+i] = v
						s += math.Abs(float64(v))
					}
					sum = max(sum, s)
				}
				want := convExact(src, w, c)
				for _, mk := range microKernels() {
					g := newWinograd(mk, &c.p, w, NoClamp(nil))
					plain, err := newConvFor(mk, c.p, w, NoClamp(nil))
					if err != nil {
						t.Fatal(err)
					}
					direct := make([]float32, len(want))
					plain.runDirect(pools[0], nil, direct, src, &c.s)
					for i := range want {
						worst["direct"] = max(worst["direct"], math.Abs(float64(direct[i])-want[i])/(largest*sum)*(1<<24))
					}
					for _, a := range winogradAlgorithms {
						p, ok := g.plan(a, &c.s, 1)
						if !ok {
							continue
						}
						got := make([]float32, len(want))
						p.run(pools[0], nil, got, src)
						for i := range want {
							e := math.Abs(float64(got[i])-want[i]) / (largest * sum) * (1 << 24)
							worst[a.Name] = max(worst[a.Name], e)
							if !(e <= winogradBound) {
								t.Fatalf("%s, %s, inputs %s, weights %s: element %d is %v, want %v: an error of %.1f units", a.Name, mk.name, name, kind, i, got[i], want[i], e)
							}
						}
					}
				}
			}
		}
	}
	t.Logf("largest errors: %v", worst)
}

// convExact is ConvRef without the last rounding.
func convExact(src, weights []float32, c convCase) []float64 {
	wide := func(s []float32) []float64 {
		out := make([]float64, len(s))
		for i, v := range s {
			out[i] = float64(v)
		}
		return out
	}
	want := make([]float64, c.s.Batch*c.p.Out*product(c.s.Out))
	ConvRef(want, wide(src), wide(weights), nil, c.p, c.s)
	return want
}

// BenchmarkWinograd compares the algorithms with matrix products on the dense convolutions of the published networks at
// 513×513. Padding counts as arithmetic, and GFLOP/s are those of the plain sum.
func BenchmarkWinograd(b *testing.B) {
	pool := NewPool(1)
	defer pool.Close()
	for _, c := range []struct{ k, dilation, in, out, size int }{
		{3, 1, 304, 256, 129}, {3, 1, 256, 256, 129}, {3, 1, 64, 64, 257},
		{3, 12, 200, 256, 65}, {3, 24, 200, 256, 65}, {3, 36, 200, 256, 65},
		{3, 2, 20, 20, 129}, {5, 2, 20, 20, 129}, {3, 2, 40, 40, 65}, {5, 2, 40, 40, 65},
		{3, 2, 80, 80, 33}, {5, 2, 80, 80, 33}, {3, 2, 160, 160, 17}, {5, 2, 160, 160, 17},
		{5, 2, 48, 48, 129}, {5, 2, 96, 96, 65}, {5, 2, 192, 192, 33}, {3, 2, 384, 384, 17}, {5, 2, 384, 384, 17},
	} {
		p := ConvParams{In: c.in, Out: c.out, Groups: 1, Kernel: []int{c.k, c.k}, Strides: []int{1, 1}, Dilations: []int{c.dilation, c.dilation}}
		pad := c.k / 2 * c.dilation
		s := ConvShape{Batch: 1, In: []int{c.size, c.size}, Out: []int{c.size, c.size}, Pad: []int{pad, pad}}
		r := rand.New(rand.NewPCG(1, 2))
		src, dst := randomFloats(r, c.in*c.size*c.size), make([]float32, c.out*c.size*c.size)
		weights := randomFloats(r, c.out*c.in*c.k*c.k)
		name := fmt.Sprintf("%dx%d/d%d/c%d-%d/%dx%d", c.k, c.k, c.dilation, c.in, c.out, c.size, c.size)
		for _, mk := range asmMicroKernels() {
			run := func(how string, scratch int, body func(scratch []float32)) {
				b.Run(fmt.Sprintf("%s/%s/%s", name, mk.name, how), func(b *testing.B) {
					memory := make([]float32, scratch)
					body(memory)
					for b.Loop() {
						body(memory)
					}
					flops := 2 * float64(len(weights)) * float64(c.size*c.size)
					b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
			conv, err := newConvFor(mk, p, weights, NoClamp(nil))
			if err != nil {
				b.Fatal(err)
			}
			run("direct", 0, func(scratch []float32) { conv.runDirect(pool, scratch, dst, src, &s) })
			w := newWinograd(mk, &p, weights, NoClamp(nil))
			for _, a := range winogradAlgorithms {
				if plan, ok := w.plan(a, &s, 1); ok {
					run(a.Name, plan.scratch(), func(scratch []float32) { plan.run(pool, scratch, dst, src) })
				}
			}
		}
	}
}
