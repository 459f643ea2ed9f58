package gorgoniaop

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// GlobalAverage adds [ReLU →] mean over the pixels of each image to the graph of x: [C, N, H, W] becomes [C, N, 1, 1].
func GlobalAverage[T kernel.Float](env *Env[T], relu bool, x *gorgonia.Node) (*gorgonia.Node, error) {
	return apply(env, &globalAverage[T]{env: env, relu: relu}, nil, x)
}

type globalAverage[T kernel.Float] struct {
	env            *Env[T]
	relu           bool
	planes, pixels int
}

func (g *globalAverage[T]) String() string { return fmt.Sprintf("GlobalAverage(relu=%t)", g.relu) }

func (g *globalAverage[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || in[0].Dims() != 4 {
		return nil, fmt.Errorf("inputs %v, want one image [C, N, H, W]", in)
	}
	s := in[0]
	g.planes, g.pixels = s[0]*s[1], s[2]*s[3]
	return tensor.Shape{s[0], s[1], 1, 1}, nil
}

func (g *globalAverage[T]) forward(in [][]T, out []T) error {
	g.env.each(g.planes, func(w *worker[T], i int) {
		plane := in[0][i*g.pixels:][:g.pixels]
		if g.relu {
			kernel.Relu(w.slab(0, g.pixels), plane)
			plane = w.slab(0, g.pixels)
		}
		out[i] = T(kernel.Sum(plane) / float64(g.pixels))
	})
	return nil
}

func (g *globalAverage[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	g.env.each(g.planes, func(w *worker[T], i int) {
		dx := din[0][i*g.pixels:][:g.pixels]
		fill(dx, dout[i]/T(g.pixels))
		if g.relu {
			kernel.ReluGrad(dx, dx, in[0][i*g.pixels:][:g.pixels])
		}
	})
	return nil
}

// fill sets every element to v, by copying what is filled already.
func fill[T kernel.Float](dst []T, v T) {
	if len(dst) == 0 {
		return
	}
	dst[0] = v
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// Concat adds the concatenation along the channels to the graph of its inputs. An input of 1×1 pixels, as GlobalAverage
// makes them, is repeated at every pixel.
func Concat[T kernel.Float](env *Env[T], in ...*gorgonia.Node) (*gorgonia.Node, error) {
	return apply(env, &concat[T]{env: env}, nil, in...)
}

type concat[T kernel.Float] struct {
	env       *Env[T]
	planes    []int // channels × images of each input
	broadcast []bool
	pixels    int
}

func (c *concat[T]) String() string { return "Concat" }

func (c *concat[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	out := tensor.Shape{0, 0, 1, 1}
	for _, s := range in {
		if s.Dims() != 4 {
			return nil, fmt.Errorf("input %v, want an image [C, N, H, W]", s)
		}
		if s[2]*s[3] > 1 {
			out[2], out[3] = s[2], s[3]
		}
	}
	c.pixels = out[2] * out[3]
	c.planes, c.broadcast = c.planes[:0], c.broadcast[:0]
	for _, s := range in {
		one := s[2]*s[3] == 1
		if s[1] != in[0][1] || !one && (s[2] != out[2] || s[3] != out[3]) {
			return nil, fmt.Errorf("inputs %v, want the same number and size of images", in)
		}
		out[0], out[1] = out[0]+s[0], s[1]
		c.planes, c.broadcast = append(c.planes, s[0]*s[1]), append(c.broadcast, one && c.pixels > 1)
	}
	return out, nil
}

func (c *concat[T]) forward(in [][]T, out []T) error {
	for i, x := range in {
		if !c.broadcast[i] {
			out = out[copy(out, x):]
			continue
		}
		for _, v := range x {
			fill(out[:c.pixels], v)
			out = out[c.pixels:]
		}
	}
	return nil
}

func (c *concat[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	for i, dx := range din {
		if !c.broadcast[i] {
			dout = dout[copy(dx, dout):]
			continue
		}
		for j := range dx {
			dx[j] = T(kernel.Sum(dout[:c.pixels]))
			dout = dout[c.pixels:]
		}
	}
	return nil
}
