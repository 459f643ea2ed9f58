package gorgoniaop

import (
	"fmt"

	"autodeeplab/internal/kernel"
)

// ConvSpec is a convolution [+ bias] [→ batch normalisation] [→ ReLU]. Weights are [M, C/Groups, k, k'].
type ConvSpec[T kernel.Float] struct {
	Name    string
	Out     int // channels M
	Groups  int
	Y, X    Axis
	Weights Learned[T]
	Bias    *Learned[T]
	Norm    *NormSpec[T]
	Relu    bool
}

// Conv adds a convolution of x. Errors do not name it; the caller knows it.
func (n *Net[T]) Conv(s ConvSpec[T], x *Feature[T]) (*Feature[T], error) {
	fail := func(format string, args ...any) (*Feature[T], error) { return nil, fmt.Errorf(format, args...) }
	g := s.Groups
	switch taps := s.Y.Kernel * s.X.Kernel; {
	case g < 1 || x.C%g != 0 || s.Out%g != 0:
		return fail("%d groups for %d input and %d output channels", g, x.C, s.Out)
	case x.H != s.Y.In || x.W != s.X.In || s.Y.Out < 1 || s.X.Out < 1:
		return fail("an image of %d×%d for axes %v and %v", x.H, x.W, s.Y, s.X)
	case len(s.Weights.Value) != s.Out*(x.C/g)*taps:
		return fail("%d weights, want %d", len(s.Weights.Value), s.Out*(x.C/g)*taps)
	case s.Bias != nil && len(s.Bias.Value) != s.Out:
		return fail("%d biases for %d channels", len(s.Bias.Value), s.Out)
	}
	c := &convStep[T]{ConvSpec: s}
	learns := s.Weights.Gradient != nil || s.Bias != nil && s.Bias.Gradient != nil
	if s.Norm != nil {
		if err := s.Norm.check(n, s.Out, x.N*s.Y.Out*s.X.Out); err != nil {
			return nil, err
		}
		c.norm = newNorm(*s.Norm, s.Relu)
		learns = learns || s.Norm.Scale.Gradient != nil
	}
	if g == x.C && s.Out == x.C {
		c.deep = newDeep[T](x.C, x.N, s.Y, s.X)
	} else {
		for range g {
			c.groups = append(c.groups, newConvolver[T](x.C/g, s.Out/g, x.N, s.Y, s.X))
		}
		for i := range c.groups {
			c.groups[i].accelerate(n.env.Pool.Threads())
		}
	}
	return n.add(c, learns, s.Out, s.Y.Out, s.X.Out, x), nil
}

type convStep[T kernel.Float] struct {
	ends[T]
	ConvSpec[T]
	norm   *norm[T]
	groups []convolver[T]
	deep   *deep[T] // instead of groups where each has one channel in and one out

	z  *piece // before the normalisation
	dz *piece
}

func (c *convStep[T]) String() string { return "Conv " + c.Name }

func (c *convStep[T]) plan(p *planner[T]) {
	if c.Weights.Gradient != nil {
		p.keep(c.in[0])
	}
	switch {
	case c.norm != nil:
		c.z = p.hold(c.out.Size())
		c.dz = p.lend(c.out.Size())
	case c.Relu:
		p.keep(c.out)
		c.dz = p.lend(c.out.Size())
	}
}

// part gives the elements of group g of n groups.
func part[T any](x []T, g, n int) []T { return x[g*len(x)/n : (g+1)*len(x)/n] }

func (c *convStep[T]) forward(n *Net[T]) error {
	x, y := c.in[0], c.out
	z := y.values
	if c.z != nil {
		z = n.slice(c.z)
	}
	if c.deep != nil {
		c.deep.forward(n.env, z, x.values, c.Weights.Value)
	}
	for g := range c.groups {
		c.groups[g].multiply(n.env, part(z, g, c.Groups), part(x.values, g, c.Groups), part(c.Weights.Value, g, c.Groups), false)
	}
	if c.Bias == nil && c.norm == nil && !c.Relu {
		return nil
	}
	n.env.each(y.C, func(_ *worker[T], i int) {
		from, to := y.row(z, i), y.row(y.values, i)
		if c.Bias != nil {
			kernel.Affine(from, from, 0, 1, c.Bias.Value[i])
		}
		switch {
		case c.norm != nil:
			c.norm.apply(n, to, from, i)
		case c.Relu:
			kernel.Relu(to, from)
		}
	})
	return nil
}

// sources: what is normalised is cheap to make again of what goes into the normalisation, which is kept; and a depthwise
// convolution, of its input.
func (c *convStep[T]) sources(*Net[T]) (in []*Feature[T], ok bool) {
	if c.norm != nil {
		return nil, true
	}
	return c.in, c.deep != nil && c.Weights.Gradient != nil && c.Bias == nil && !c.Relu
}

func (c *convStep[T]) remake(n *Net[T], dst []T) {
	if c.norm == nil {
		c.deep.forward(n.env, dst, c.in[0].values, c.Weights.Value)
		return
	}
	c.normalised(n, dst, false)
}

// normalised writes the output again, perhaps with a ReLU behind it.
func (c *convStep[T]) normalised(n *Net[T], dst []T, relu bool) {
	z := n.slice(c.z)
	n.env.each(c.out.C, func(_ *worker[T], i int) {
		to := c.out.row(dst, i)
		c.norm.again(to, c.out.row(z, i), i)
		if relu {
			kernel.Relu(to, to)
		}
	})
}

func (c *convStep[T]) backward(n *Net[T]) error {
	x, y := c.in[0], c.out
	dz := y.grads
	if c.dz != nil {
		dz = n.slice(c.dz)
	}
	n.env.each(y.C, func(w *worker[T], i int) {
		dy, to := y.row(y.grads, i), y.row(dz, i)
		switch {
		case c.norm != nil:
			c.norm.back(n, to, dy, y.row(n.slice(c.z), i), w.slab(0, y.pixels()), i)
		case c.Relu:
			kernel.ReluGrad(to, dy, y.row(y.values, i))
		}
		if c.Bias != nil && c.Bias.Gradient != nil {
			c.Bias.Gradient[i] += T(kernel.Sum(to))
		}
	})
	if dw := c.Weights.Gradient; dw != nil {
		if c.deep != nil {
			c.deep.weightGrad(n.env, dw, x.values, dz)
		}
		for g := range c.groups {
			c.groups[g].weightGrad(n.env, part(dw, g, c.Groups), part(x.values, g, c.Groups), part(dz, g, c.Groups), true)
		}
	}
	if x.learns {
		dx, add := x.gradient()
		if c.deep != nil {
			c.deep.imageGrad(n.env, dx, c.Weights.Value, dz, add)
		}
		for g := range c.groups {
			c.groups[g].imageGrad(n.env, part(dx, g, c.Groups), part(c.Weights.Value, g, c.Groups), part(dz, g, c.Groups), add)
		}
	}
	return nil
}
