package gorgoniaop

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// Resize adds bilinear resizing with align_corners to the graph of x: [C, N, H, W] becomes [C, N, height, width].
func Resize[T kernel.Float](env *Env[T], height, width int, x *gorgonia.Node) (*gorgonia.Node, error) {
	return apply(env, &resize[T]{env: env, height: height, width: width}, nil, x)
}

type resize[T kernel.Float] struct {
	env           *Env[T]
	height, width int
	in            []int // planes, rows, columns
	taps          []*kernel.Taps[T]
}

func (r *resize[T]) String() string { return fmt.Sprintf("Resize(%d×%d)", r.height, r.width) }

func (r *resize[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || in[0].Dims() != 4 || r.height < 1 || r.width < 1 {
		return nil, fmt.Errorf("inputs %v, want one image [C, N, H, W] and a positive size", in)
	}
	if s := in[0]; r.taps == nil {
		r.in = []int{s[0] * s[1], s[2], s[3]}
		r.taps = []*kernel.Taps[T]{nil, alignedTaps[T](s[2], r.height), alignedTaps[T](s[3], r.width)}
	}
	return tensor.Shape{in[0][0], in[0][1], r.height, r.width}, nil
}

func alignedTaps[T kernel.Float](in, out int) *kernel.Taps[T] {
	return kernel.NewTaps[T](kernel.Span{In: in, Out: out, Scale: float64(out) / float64(in), Length: float64(out)},
		kernel.Sampling{Interpolation: kernel.Linear, Coordinates: kernel.AlignCorners})
}

func (r *resize[T]) forward(in [][]T, out []T) error {
	kernel.Resize(r.env.Pool, out, in[0], r.in, r.taps, 0)
	return nil
}

func (r *resize[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	kernel.ResizeGrad(r.env.Pool, nil, din[0], dout, r.in, r.taps)
	return nil
}
