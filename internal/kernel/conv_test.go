package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// pools are those that results must agree between, bit by bit.
var pools = []*Pool{NewPool(1), NewPool(2), NewPool(3)}

func randomFloats(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = r.Float32()*2 - 1
	}
	return s
}

// compare reports the first element that differs from want by more than the rounding of a sum of terms products of
// numbers up to 1.
func compare(t *testing.T, what string, got, want []float32, terms int) {
	t.Helper()
	tolerance := 2e-6 + 3e-7*float64(terms)
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tolerance) {
			t.Fatalf("%s: element %d is %v, want %v (tolerance %.1e)", what, i, got[i], want[i], tolerance)
		}
	}
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v, but %v with one thread", what, i, got[i], want[i])
		}
	}
}

// convCase is a convolution with its sizes.
type convCase struct {
	p ConvParams
	s ConvShape
}

func (c convCase) String() string {
	return fmt.Sprintf("%d→%d g%d k%v s%v d%v, %d×%v→%v pad %v", c.p.In, c.p.Out, c.p.Groups, c.p.Kernel, c.p.Strides, c.p.Dilations, c.s.Batch, c.s.In, c.s.Out, c.s.Pad)
}

// randomConv draws a convolution of the given rank whose output is not empty.
func randomConv(r *rand.Rand, rank int) convCase {
	for {
		var c convCase
		c.p.Groups = 1
		per, multiplier := 1+r.IntN(9), 1+r.IntN(9)
		switch r.IntN(4) {
		case 0:
			c.p.Groups = 1 + r.IntN(4)
		case 1:
			c.p.Groups, per, multiplier = 1+r.IntN(9), 1, 1+r.IntN(3)
		case 2:
			per, multiplier = 1+r.IntN(70), 1+r.IntN(70)
		}
		c.p.In, c.p.Out = per*c.p.Groups, multiplier*c.p.Groups
		c.s.Batch = 1 + r.IntN(2)
		ok := true
		for range rank {
			size, k, stride, dilation := 1+r.IntN(80>>(2*(rank-1)))+r.IntN(9), 1+r.IntN(5), 1+r.IntN(3), 1+r.IntN(3)
			if r.IntN(3) == 0 {
				k, stride = 1, 1
			}
			extent := (k-1)*dilation + 1
			before, after := r.IntN(extent+1), r.IntN(extent+1)
			if r.IntN(6) == 0 {
				before, after = before+8, after+8
			}
			out := (size+before+after-extent)/stride + 1
			ok = ok && size+before+after >= extent
			c.p.Kernel, c.p.Strides, c.p.Dilations = append(c.p.Kernel, k), append(c.p.Strides, stride), append(c.p.Dilations, dilation)
			c.s.In, c.s.Out, c.s.Pad = append(c.s.In, size), append(c.s.Out, out), append(c.s.Pad, before)
		}
		if ok {
			return c
		}
	}
}

func TestConvAgainstRef(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 90 {
		c := randomConv(r, 1+i%3)
		checkConv(t, r, c)
	}
}

// checkConv runs a convolution with every micro-kernel and pool.
func checkConv(t *testing.T, r *rand.Rand, c convCase) {
	t.Helper()
	in := c.p.In / c.p.Groups
	src, weights, bias := randomFloats(r, c.s.Batch*c.p.In*product(c.s.In)), randomFloats(r, c.p.Out*in*c.p.Taps()), randomFloats(r, c.p.Out)
	want := make([]float32, c.s.Batch*c.p.Out*product(c.s.Out))
	ConvRef(want, src, weights, bias, c.p, c.s)
	relu := r.IntN(2) == 0
	e := NoClamp(bias)
	if relu {
		e.Lo, e.Hi = 0, 6
		for i := range want {
			want[i] = min(max(want[i], 0), 6)
		}
	}
	for _, mk := range microKernels() {
		conv, err := newConvFor(mk, c.p, weights, e)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		var one []float32
		for _, pool := range pools {
			got := make([]float32, len(want))
			for i := range got {
				got[i] = float32(math.NaN())
			}
			scratch := make([]float32, conv.Scratch(pool, c.s))
			for i := range scratch {
				scratch[i] = float32(math.NaN())
			}
			if err := conv.Run(pool, scratch, got, src, c.s); err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			if one == nil {
				one = got
				compare(t, fmt.Sprintf("%v, %s", c, mk.name), got, want, in*c.p.Taps())
			}
			same(t, fmt.Sprintf("%v, %s, %d threads", c, mk.name, pool.Threads()), got, one)
		}
	}
}

// BenchmarkConv names kernel size, stride, dilation, channels, groups and source size. Padding counts as arithmetic.
func BenchmarkConv(b *testing.B) {
	for _, c := range []struct{ k, stride, dilation, in, out, groups, size int }{
		{3, 1, 1, 256, 256, 1, 129},
		{3, 1, 1, 64, 64, 1, 257},
		{5, 1, 2, 20, 20, 1, 129},
		{1, 1, 1, 256, 256, 1, 129},
		{1, 1, 1, 100, 20, 1, 129},
		{1, 1, 1, 20, 20, 1, 129},
		{3, 2, 1, 3, 64, 1, 513},
		{3, 2, 1, 64, 128, 1, 257},
		{3, 1, 36, 256, 256, 1, 65},
		{3, 1, 1, 160, 160, 1, 17},
		{3, 1, 1, 20, 20, 20, 129},
		{5, 1, 1, 160, 160, 160, 33},
		{3, 2, 1, 20, 20, 20, 129},
	} {
		out := (c.size-1)/c.stride + 1
		p := ConvParams{In: c.in, Out: c.out, Groups: c.groups, Kernel: []int{c.k, c.k}, Strides: []int{c.stride, c.stride}, Dilations: []int{c.dilation, c.dilation}}
		pad := c.k / 2 * c.dilation
		s := ConvShape{Batch: 1, In: []int{c.size, c.size}, Out: []int{out, out}, Pad: []int{pad, pad}}
		name := fmt.Sprintf("%dx%d/s%d/d%d/c%d-%d/g%d/%dx%d", c.k, c.k, c.stride, c.dilation, c.in, c.out, c.groups, c.size, c.size)
		r := rand.New(rand.NewPCG(1, 2))
		src, dst := randomFloats(r, c.in*c.size*c.size), make([]float32, c.out*out*out)
		weights := randomFloats(r, c.out*c.in/c.groups*c.k*c.k)
		for _, mk := range microKernels() {
			conv, err := newConvFor(mk, p, weights, NoClamp(nil))
			if err != nil {
				b.Fatal(err)
			}
			for threads := 1; threads <= runtime.NumCPU(); threads *= 2 {
				b.Run(fmt.Sprintf("%s/%s/threads%d", name, mk.name, threads), func(b *testing.B) {
					pool := NewPool(threads)
					defer pool.Close()
					scratch := make([]float32, conv.Scratch(pool, s))
					b.ReportAllocs()
					for b.Loop() {
						if err := conv.Run(pool, scratch, dst, src, s); err != nil {
							b.Fatal(err)
						}
					}
					flops := 2 * float64(len(weights)) * float64(out*out)
					b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}

// FuzzConv draws convolutions from a seed and holds them against ConvRef.
func FuzzConv(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, rank uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		checkConv(t, r, randomConv(r, 1+int(rank%3)))
	})
}

// Shapes that random ones do not reach.
func TestConvCorners(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	const far = 1 << 28
	for _, c := range []convCase{
		// Depthwise with a dilation whose rows would not fit scratch memory.
		{ConvParams{2, 4, 2, []int{1, 2}, []int{1, 1}, []int{1, far}}, ConvShape{1, []int{3, 4}, []int{3, 4}, []int{0, far}}},
		{ConvParams{2, 2, 2, []int{2, 1}, []int{1, 1}, []int{far, 1}}, ConvShape{1, []int{3, 4}, []int{3, 4}, []int{0, 0}}},
		// Padding alone, before and behind the image.
		{ConvParams{3, 2, 1, []int{3}, []int{1}, []int{1}}, ConvShape{1, []int{4}, []int{9}, []int{100}}},
		{ConvParams{3, 3, 3, []int{3, 3}, []int{2, 2}, []int{1, 1}}, ConvShape{2, []int{4, 4}, []int{5, 5}, []int{60, 60}}},
		{ConvParams{3, 2, 1, []int{3}, []int{1}, []int{1}}, ConvShape{1, []int{4}, []int{9}, []int{-100}}},
		{ConvParams{3, 3, 3, []int{1, 3}, []int{1, 2}, []int{1, 1}}, ConvShape{1, []int{4, 4}, []int{4, 3}, []int{0, -3}}},
		// Rates as large as the map, and a stride beyond it.
		{ConvParams{40, 30, 1, []int{3, 3}, []int{1, 1}, []int{36, 36}}, ConvShape{1, []int{65, 65}, []int{65, 65}, []int{36, 36}}},
		{ConvParams{2, 2, 1, []int{1, 1}, []int{far, far}, []int{1, 1}}, ConvShape{1, []int{5, 5}, []int{1, 1}, []int{0, 0}}},
		{ConvParams{2, 2, 2, []int{1, 1}, []int{far, far}, []int{1, 1}}, ConvShape{1, []int{5, 5}, []int{1, 1}, []int{0, 0}}},
		// Many rows on few columns, so that rows are shared out, and a deep sum.
		{ConvParams{300, 200, 1, []int{1, 1}, []int{1, 1}, []int{1, 1}}, ConvShape{1, []int{2, 3}, []int{2, 3}, []int{0, 0}}},
		{ConvParams{1, 1, 1, []int{1}, []int{1}, []int{1}}, ConvShape{0, []int{5}, []int{5}, []int{0}}},
		{ConvParams{2, 3, 1, []int{2, 2, 1, 2}, []int{1, 2, 1, 1}, []int{1, 1, 1, 2}}, ConvShape{2, []int{3, 4, 2, 5}, []int{3, 2, 2, 4}, []int{1, 0, 0, 1}}},
	} {
		checkConv(t, r, c)
	}
}

// TestDepthwiseSquare reaches every size of band and remainder of the depthwise kernels that are compiled for a size.
func TestDepthwiseSquare(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	for i := range 40 {
		k := 3 + 2*(i%2)
		c := convCase{p: ConvParams{Groups: 1 + r.IntN(3), Kernel: []int{k, k}, Strides: []int{1, 1}, Dilations: []int{1, 1}}}
		c.p.In, c.p.Out = c.p.Groups, c.p.Groups*(1+r.IntN(2))
		c.s.Batch = 1 + r.IntN(2)
		for range 2 {
			size, before, after := k+r.IntN(90), r.IntN(k), r.IntN(k)
			if i%5 == 0 {
				size += 150
			}
			c.s.In, c.s.Out, c.s.Pad = append(c.s.In, size), append(c.s.Out, size+before+after-k+1), append(c.s.Pad, before)
		}
		checkConv(t, r, c)
	}
}

// TestPointwise reaches the products that read the image in its place, with and without columns left over.
func TestPointwise(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for i := range 30 {
		g := 1 + r.IntN(2)
		c := convCase{p: ConvParams{In: g * (1 + r.IntN(300)), Out: g * (1 + r.IntN(90)), Groups: g, Kernel: []int{1, 1}, Strides: []int{1, 1}, Dilations: []int{1, 1}}}
		h, w := 1+r.IntN(40), 1+r.IntN(40)
		if i%6 == 0 {
			h, w = 32, 32*(1+r.IntN(2))
		}
		c.s = ConvShape{Batch: 1 + r.IntN(2), In: []int{h, w}, Out: []int{h, w}, Pad: []int{0, 0}}
		checkConv(t, r, c)
	}
}

func TestNewConvRefuses(t *testing.T) {
	ok := ConvParams{In: 4, Out: 6, Groups: 2, Kernel: []int{3, 3}, Strides: []int{1, 1}, Dilations: []int{1, 1}}
	for name, change := range map[string]func(p *ConvParams){
		"groups":        func(p *ConvParams) { p.Groups = 4 },
		"no groups":     func(p *ConvParams) { p.Groups = 0 },
		"no channels":   func(p *ConvParams) { p.In = 0 },
		"axes":          func(p *ConvParams) { p.Strides = []int{1} },
		"no axes":       func(p *ConvParams) { p.Kernel, p.Strides, p.Dilations = nil, nil, nil },
		"kernel":        func(p *ConvParams) { p.Kernel = []int{3, 0} },
		"stride":        func(p *ConvParams) { p.Strides = []int{1, 0} },
		"huge dilation": func(p *ConvParams) { p.Dilations = []int{1, math.MaxInt32} },
		"weights":       func(p *ConvParams) { p.Out = 8 },
	} {
		p := ok.clone()
		change(&p)
		if _, err := NewConv(p, make([]float32, 6*2*9), NoClamp(nil)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewConv(ok, make([]float32, 6*2*9), NoClamp(make([]float32, 4))); err == nil {
		t.Error("bias: no error")
	}
	c, err := NewConv(ok, make([]float32, 6*2*9), NoClamp(nil))
	if err != nil {
		t.Fatal(err)
	}
	s := ConvShape{Batch: 1, In: []int{3, 3}, Out: []int{1, 1}, Pad: []int{0, 0}}
	if err := c.Run(pools[0], nil, make([]float32, 5), make([]float32, 36), s); err == nil {
		t.Error("short output: no error")
	}
	if err := c.Run(pools[0], nil, make([]float32, 6), make([]float32, 36), s); err != nil {
		t.Error(err)
	}
}
