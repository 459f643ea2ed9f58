package gorgoniaop

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// Softmax adds a masked softmax over the last axis to the graph of x: the architecture parameters' relaxation. live says
// for every element whether it takes part; the others become 0, and so do rows where none does.
func Softmax[T kernel.Float](env *Env[T], live []bool, x *gorgonia.Node) (*gorgonia.Node, error) {
	return apply(env, &softmax[T]{live: live}, nil, x)
}

type softmax[T kernel.Float] struct {
	live []bool
	row  int
}

func (s *softmax[T]) String() string { return "Softmax" }

func (s *softmax[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || in[0].Dims() < 1 || in[0].TotalSize() != len(s.live) {
		return nil, fmt.Errorf("inputs %v, want one of %d elements", in, len(s.live))
	}
	s.row = in[0][in[0].Dims()-1]
	return in[0].Clone(), nil
}

func (s *softmax[T]) forward(in [][]T, out []T) error {
	Relax(out, in[0], s.live, s.row)
	return nil
}

func (s *softmax[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	for at := 0; at < len(out); at += s.row {
		y, dy, dx := out[at:at+s.row], dout[at:at+s.row], din[0][at:at+s.row]
		dot := 0.0
		for i, v := range y {
			dot += float64(v) * float64(dy[i])
		}
		for i, v := range y {
			dx[i] = v * (dy[i] - T(dot))
		}
	}
	return nil
}

// Relax writes the softmax over the live elements of each row, and 0 for the others.
func Relax[T kernel.Float](dst, src []T, live []bool, row int) {
	clear(dst)
	for at := 0; at < len(dst); at += row {
		if !slices.Contains(live[at:at+row], true) {
			continue
		}
		greatest := math.Inf(-1)
		for i := at; i < at+row; i++ {
			if live[i] {
				greatest = max(greatest, float64(src[i]))
			}
		}
		sum := 0.0
		for i := at; i < at+row; i++ {
			if live[i] {
				sum += math.Exp(float64(src[i]) - greatest)
			}
		}
		for i := at; i < at+row; i++ {
			if live[i] {
				dst[i] = T(math.Exp(float64(src[i])-greatest) / sum)
			}
		}
	}
}
