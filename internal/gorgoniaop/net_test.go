package gorgoniaop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"autodeeplab/internal/kernel"
)

// netCase builds a network of few steps from its input; learnt values come from the given source, by name.
type netCase struct {
	name    string
	c, h, w int
	freeze  bool
	remake  bool // whatever can be made again is
	build   func(n *netBuilder) (x *Feature[float64], loss kernel.ResizedLoss[float64])
}

type netBuilder struct {
	*Net[float64]
	t      testing.TB
	r      *rand.Rand
	params map[string]Learned[float64]
}

func (b *netBuilder) learn(name string, n int, least, scale float64) Learned[float64] {
	p := Learned[float64]{Value: make([]float64, n), Gradient: make([]float64, n)}
	for i := range p.Value {
		p.Value[i] = least + scale*b.r.Float64()
	}
	b.params[name] = p
	return p
}

func (b *netBuilder) norm(name string, c int) *NormSpec[float64] {
	m := NewMoments[float64](c)
	for i := range c {
		m.Mean[i], m.Variance[i] = b.r.Float64()-0.5, 0.5+b.r.Float64()
	}
	return &NormSpec[float64]{Scale: b.learn(name+"/scale", c, 0.5, 1), Shift: b.learn(name+"/shift", c, -0.5, 1), Moments: m, Epsilon: 1e-3}
}

func (b *netBuilder) conv(name string, x *Feature[float64], s ConvSpec[float64]) *Feature[float64] {
	b.t.Helper()
	s.Name, s.Groups = name, max(s.Groups, 1)
	s.Weights = b.learn(name, s.Out*x.C/s.Groups*s.Y.Kernel*s.X.Kernel, -0.5, 1)
	return b.must(b.Net.Conv(s, x))
}

func (b *netBuilder) must(f *Feature[float64], err error) *Feature[float64] {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

func (b *netBuilder) plainLoss() kernel.ResizedLoss[float64] {
	return kernel.ResizedLoss[float64]{Ignore: 255}
}

var netCases = []netCase{
	{name: "conv, bias", c: 3, h: 6, w: 7, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		bias := b.learn("bias", 4, -1, 2)
		return b.conv("k", b.Input(), ConvSpec[float64]{Out: 4, Y: Axis{6, 6, 3, 1, 1, 1}, X: Axis{7, 7, 3, 1, 1, 1}, Bias: &bias}), b.plainLoss()
	}},
	{name: "strided, dilated, uneven, relu", c: 2, h: 9, w: 8, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		bias := b.learn("bias", 3, -1, 2)
		return b.conv("k", b.Input(), ConvSpec[float64]{Out: 3, Y: Axis{9, 4, 3, 2, 2, 1}, X: Axis{8, 9, 4, 1, 1, 3}, Bias: &bias, Relu: true}), b.plainLoss()
	}},
	{name: "groups, norm, relu", c: 4, h: 5, w: 5, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		return b.conv("k", b.Input(), ConvSpec[float64]{Out: 6, Groups: 2, Y: Axis{5, 5, 3, 1, 1, 1}, X: Axis{5, 5, 3, 1, 1, 1}, Norm: b.norm("norm", 6), Relu: true}), b.plainLoss()
	}},
	{name: "frozen norm", freeze: true, c: 4, h: 5, w: 5, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		return b.conv("k", b.Input(), ConvSpec[float64]{Out: 3, Y: Axis{5, 5, 1, 1, 1, 0}, X: Axis{5, 5, 1, 1, 1, 0}, Norm: b.norm("norm", 3), Relu: true}), b.plainLoss()
	}},
	{name: "dilation beyond the image", c: 2, h: 4, w: 5, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		return b.conv("k", b.Input(), ConvSpec[float64]{Out: 3, Y: Axis{4, 4, 3, 1, 12, 12}, X: Axis{5, 5, 3, 1, 4, 4}}), b.plainLoss()
	}},
	{name: "depthwise", c: 3, h: 6, w: 5, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		return b.conv("k", b.Input(), ConvSpec[float64]{Out: 3, Groups: 3, Y: Axis{6, 6, 5, 1, 1, 2}, X: Axis{5, 5, 5, 1, 1, 2}}), b.plainLoss()
	}},
	{name: "depthwise, strided, uneven", c: 3, h: 6, w: 9, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		return b.conv("k", b.Input(), ConvSpec[float64]{Out: 3, Groups: 3, Y: Axis{6, 3, 3, 2, 1, 0}, X: Axis{9, 8, 3, 1, 2, 2}}), b.plainLoss()
	}},
	{name: "norm, relu, sum, skip", c: 3, h: 4, w: 4, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		x := b.must(b.Norm("n", *b.norm("norm", 3), false, b.Input()))
		y := b.Relu("r", x)
		z := b.conv("k", y, ConvSpec[float64]{Out: 3, Y: Axis{4, 4, 3, 1, 1, 1}, X: Axis{4, 4, 3, 1, 1, 1}, Norm: b.norm("norm2", 3)})
		drop := func(_ Chance, f []float64) []float64 { f[0], f[1] = 0, 2; return f }
		return b.must(b.Sum("s", 0, []DropPath{nil, drop, nil}, x, z, x)), b.plainLoss()
	}},
	{name: "concat, spread, mean, resize", c: 3, h: 4, w: 5, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		x := b.conv("k", b.Input(), ConvSpec[float64]{Out: 2, Y: Axis{4, 4, 3, 1, 1, 1}, X: Axis{5, 5, 3, 1, 1, 1}})
		m := b.must(b.Spread("spread", 4, 5, b.conv("m", b.Mean("mean", x), ConvSpec[float64]{Out: 3, Y: Axis{1, 1, 1, 1, 1, 0}, X: Axis{1, 1, 1, 1, 1, 0}})))
		r := b.Resize("up", cubicTaps(4, 4), alignedTaps[float64](5, 5), b.Resize("down", alignedTaps[float64](4, 4), nil, x))
		c := b.must(b.Concat("c", x, m, b.Input(), r, x))
		return b.Resize("large", alignedTaps[float64](4, 7), cubicTaps(5, 3), c), b.plainLoss()
	}},
	{name: "separable", c: 3, h: 6, w: 5, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		x, y := Axis{6, 6, 1, 1, 1, 0}, Axis{5, 5, 1, 1, 1, 0}
		deepX, deepY := Axis{6, 6, 3, 1, 1, 1}, Axis{5, 5, 3, 1, 1, 1}
		s := b.conv("in", b.Input(), ConvSpec[float64]{Out: 3, Y: x, X: y, Norm: b.norm("n0", 3)})
		f := b.Relu("r", s)
		f = b.conv("d0", f, ConvSpec[float64]{Out: 3, Groups: 3, Y: deepX, X: deepY})
		f = b.conv("p0", f, ConvSpec[float64]{Out: 3, Y: x, X: y, Norm: b.norm("n1", 3), Relu: true})
		f = b.conv("d1", f, ConvSpec[float64]{Out: 3, Groups: 3, Y: deepX, X: deepY})
		f = b.conv("p1", f, ConvSpec[float64]{Out: 3, Y: x, X: y, Norm: b.norm("n2", 3)})
		return b.must(b.Sum("s", 0, nil, f, s)), b.plainLoss()
	}},
	{name: "pools, affine, dropout", c: 4, h: 7, w: 6, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		x := b.must(b.Affine("a", []float64{2, 1, -1, 0.5}, []float64{1}, b.Input()))
		p := b.must(b.Pool(PoolSpec{Max: true, Y: Axis{7, 4, 3, 2, 1, 1}, X: Axis{6, 3, 3, 2, 1, 0}}, x))
		q := b.must(b.Pool(PoolSpec{Y: Axis{7, 4, 3, 2, 1, 1}, X: Axis{6, 3, 3, 2, 1, 0}}, x))
		s := b.must(b.Pool(PoolSpec{Y: Axis{7, 4, 3, 2, 1, 1}, X: Axis{6, 3, 3, 2, 1, 0}, CountPadding: true, EndX: 1, EndY: 1}, x))
		return b.Dropout("d", 3, 0.3, b.must(b.Sum("s", 0, nil, p, q, s))), b.plainLoss()
	}},
	{name: "weighted, smoothed, resized loss", c: 4, h: 3, w: 4, build: func(b *netBuilder) (*Feature[float64], kernel.ResizedLoss[float64]) {
		return b.Input(), kernel.ResizedLoss[float64]{Ignore: 255, Smoothing: 0.2, Weights: []float64{1, 2, 0, 0.5}, Y: alignedTaps[float64](3, 9), X: alignedTaps[float64](4, 6)}
	}},
}

func cubicTaps(in, out int) *kernel.Taps[float64] {
	return kernel.NewTaps[float64](kernel.Span{In: in, Out: out, Scale: float64(out) / float64(in), Length: float64(out)},
		kernel.Sampling{Interpolation: kernel.Cubic, Coordinates: kernel.HalfPixel, CubicA: -0.75})
}

// TestNetGradients holds the gradients of every step of a Net to central differences.
func TestNetGradients(t *testing.T) {
	cases := slices.Clone(netCases)
	for _, c := range netCases {
		c.name, c.remake = c.name+", made again", true
		cases = append(cases, c)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			pool := kernel.NewPool(2)
			defer pool.Close()
			const images = 2
			env := NewEnv[float64](pool)
			b := &netBuilder{Net: NewNet(env, c.c, images, c.h, c.w), t: t, r: rand.New(rand.NewPCG(1, 2)), params: map[string]Learned[float64]{}}
			b.FreezeNorm, b.InputGradient = c.freeze, true
			if c.remake {
				b.gap = 0
			}
			y, loss := c.build(b)
			if err := b.Net.Loss(loss, y); err != nil {
				t.Fatal(err)
			}
			if err := b.Build(); err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			h, w := y.H, y.W
			if loss.Y != nil {
				h, w = loss.Y.Out, loss.X.Out
			}
			labels := make([]uint8, images*h*w)
			for i := range labels {
				if labels[i] = uint8(b.r.IntN(y.C)); b.r.IntN(5) == 0 {
					labels[i] = 255
				}
			}
			image := make([]float64, b.Input().Size())
			for i := range image {
				image[i] = b.r.NormFloat64()
			}
			b.Chance = NewChance(7)
			run := func() float64 {
				copy(b.InputValues(), image)
				for _, p := range b.params {
					clear(p.Gradient)
				}
				loss, err := b.Run(labels)
				if err != nil {
					t.Fatal(err)
				}
				return loss
			}
			run()
			type learnt struct {
				name     string
				x, grads []float64
			}
			list := []learnt{{"the input", image, append([]float64(nil), b.InputGradients()...)}}
			for name, p := range b.params {
				list = append(list, learnt{name, p.Value, append([]float64(nil), p.Gradient...)})
			}
			for _, l := range list {
				stride := 1
				if raceEnabled {
					stride = 17
				}
				for i := 0; i < len(l.x); i += stride {
					const step = 1e-5
					was := l.x[i]
					l.x[i] = was + step
					up := run()
					l.x[i] = was - step
					down := run()
					l.x[i] = was
					want := (up - down) / (2 * step)
					if got := l.grads[i]; math.Abs(got-want) > 1e-7+1e-5*math.Abs(want) {
						t.Fatalf("gradient %d of %s: %v, by differences %v", i, l.name, got, want)
					}
				}
			}
		})
	}
}

// TestNetSegments holds how a graph is cut: a chain step by step, what branches in one piece.
func TestNetSegments(t *testing.T) {
	pool := kernel.NewPool(1)
	defer pool.Close()
	n := NewNet(NewEnv[float64](pool), 2, 1, 4, 4)
	n.InputGradient = true
	a := n.Relu("a", n.Input())
	b := n.Relu("b", a)
	c := n.Relu("c", a) // does not read b, so that it cannot be a segment behind b's
	d, _ := n.Sum("d", 0, nil, b, c)
	f := n.Relu("f", d)
	if err := n.Loss(kernel.ResizedLoss[float64]{Ignore: 255}, f); err != nil {
		t.Fatal(err)
	}
	if err := n.Build(); err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	got := ""
	for _, s := range n.segments {
		got += fmt.Sprintf("[%d,%d)", s.lo, s.hi)
	}
	if want := "[0,1)[1,2)[2,4)[4,5)[5,6)"; got != want {
		t.Errorf("segments %s, want %s", got, want)
	}
}

// TestLayOut holds that pieces which are alive at the same time lie apart, and that others share.
func TestLayOut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var pieces []*piece
	sum := 0
	for range 300 {
		p := newPiece(1 + r.IntN(1000))
		at := r.IntN(100)
		p.use(at)
		p.use(at + r.IntN(20))
		sum += p.size
		pieces = append(pieces, p)
	}
	part := newPiece(5)
	part.use(90)
	part.lieIn(pieces[0], 2)
	part.use(99)
	length := layOut(append(pieces, part))
	for i, p := range pieces {
		for _, q := range pieces[:i] {
			if p.from <= q.to && q.from <= p.to && p.offset < q.offset+q.size && q.offset < p.offset+p.size {
				t.Fatalf("%+v and %+v overlap", p, q)
			}
		}
	}
	if r, at := part.root(); r != pieces[0] || at != 2 || pieces[0].to < 99 {
		t.Errorf("a part lies at %d of %+v", at, r)
	}
	if length > sum/3 {
		t.Errorf("%d elements for pieces of %d in all", length, sum)
	}
}
