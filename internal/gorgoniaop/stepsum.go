package gorgoniaop

import (
	"fmt"

	"autodeeplab/internal/kernel"
)

// Relu adds max(x, 0).
func (n *Net[T]) Relu(name string, x *Feature[T]) *Feature[T] {
	return n.add(&reluStep[T]{name: name}, false, x.C, x.H, x.W, x)
}

type reluStep[T kernel.Float] struct {
	ends[T]
	name string
}

func (s *reluStep[T]) String() string { return "Relu " + s.name }

func (s *reluStep[T]) plan(p *planner[T]) { p.keep(s.out) }

func (s *reluStep[T]) forward(n *Net[T]) error {
	x, y := s.in[0], s.out
	n.env.each(y.C, func(_ *worker[T], c int) { kernel.Relu(y.row(y.values, c), x.row(x.values, c)) })
	return nil
}

// sources: behind a normalisation, the output is cheap to make again.
func (s *reluStep[T]) sources(n *Net[T]) (in []*Feature[T], ok bool) { return nil, s.norm(n) != nil }

// norm is the step that makes the input, if it ends in a normalisation.
func (s *reluStep[T]) norm(n *Net[T]) *convStep[T] {
	if s.in[0].step < 0 {
		return nil
	}
	if c, ok := n.steps[s.in[0].step].(*convStep[T]); ok && c.norm != nil {
		return c
	}
	return nil
}

func (s *reluStep[T]) remake(n *Net[T], dst []T) { s.norm(n).normalised(n, dst, true) }

func (s *reluStep[T]) backward(n *Net[T]) error {
	x, y := s.in[0], s.out
	if !x.learns {
		return nil
	}
	dx, add := x.gradient()
	n.env.each(y.C, func(w *worker[T], c int) {
		to := x.row(dx, c)
		if add {
			to = w.slab(0, y.pixels())
		}
		kernel.ReluGrad(to, y.row(y.grads, c), y.row(y.values, c))
		if add {
			kernel.AddTo(x.row(dx, c), to)
		}
	})
	return nil
}

// DropPath gives the factors of the images of a batch for one branch of a sum, or nil for all ones. It is called in the
// forward pass, and again in the backward one, with the source of randomness of the branch.
type DropPath func(c Chance, factors []float64) []float64

// Sum adds the sum of images, each perhaps dropped for some of the batch's images: drop is nil, or has an entry (perhaps
// nil) for each. place tells the sum's random numbers from those of others.
func (n *Net[T]) Sum(name string, place uint64, drop []DropPath, in ...*Feature[T]) (*Feature[T], error) {
	for _, f := range in {
		if f.C != in[0].C || f.H != in[0].H || f.W != in[0].W {
			return nil, fmt.Errorf("sum %s: images of %d×%d×%d and %d×%d×%d", name, in[0].C, in[0].H, in[0].W, f.C, f.H, f.W)
		}
	}
	if drop == nil {
		drop = make([]DropPath, len(in))
	}
	x := in[0]
	return n.add(&sumStep[T]{name: name, place: place, drop: drop, shared: make([]bool, len(in))}, false, x.C, x.H, x.W, in...), nil
}

type sumStep[T kernel.Float] struct {
	ends[T]
	name   string
	place  uint64
	drop   []DropPath
	shared []bool // inputs whose gradient is the sum's as it lies
}

func (s *sumStep[T]) String() string { return "Sum " + s.name }

func (s *sumStep[T]) plan(p *planner[T]) {
	for k, f := range s.in {
		if f.learns && s.drop[k] == nil && f.once() && f.grad.whole == nil {
			f.grad.lieIn(s.out.grad, 0)
			s.shared[k] = true
		}
	}
}

func (s *sumStep[T]) factors(n *Net[T], k int) []float64 {
	if s.drop[k] == nil {
		return nil
	}
	return s.drop[k](n.Chance.At(s.place).At(uint64(k)), make([]float64, s.out.N))
}

// accumulate writes x times its factors to dst, or adds it.
func accumulate[T kernel.Float](dst, x []T, factors []float64, add bool) {
	size := len(dst)
	if factors != nil {
		size /= len(factors)
	}
	for i := range len(dst) / size {
		to, from, f := dst[i*size:][:size], x[i*size:][:size], T(1)
		if factors != nil {
			f = T(factors[i])
		}
		switch {
		case add && f == 1:
			kernel.AddTo(to, from)
		case add && f != 0:
			kernel.Axpy(to, f, from)
		case add:
		case f == 1:
			copy(to, from)
		case f == 0:
			clear(to)
		default:
			kernel.ScaleTo(to, f, from)
		}
	}
}

func (s *sumStep[T]) forward(n *Net[T]) error {
	y := s.out
	var factors [][]float64
	for k := range s.in {
		factors = append(factors, s.factors(n, k))
	}
	n.env.each(y.C, func(_ *worker[T], c int) {
		for k, x := range s.in {
			accumulate(y.row(y.values, c), x.row(x.values, c), factors[k], k > 0)
		}
	})
	return nil
}

func (s *sumStep[T]) backward(n *Net[T]) error {
	y := s.out
	for k, x := range s.in {
		if !x.learns || s.shared[k] {
			continue
		}
		factors := s.factors(n, k)
		dx, add := x.gradient()
		n.env.each(y.C, func(_ *worker[T], c int) { accumulate(x.row(dx, c), y.row(y.grads, c), factors, add) })
	}
	return nil
}

// Affine adds x·factor + term, each a constant of one value or one a channel.
func (n *Net[T]) Affine(name string, factor, term []T, x *Feature[T]) (*Feature[T], error) {
	for _, l := range []int{len(factor), len(term)} {
		if l != 1 && l != x.C {
			return nil, fmt.Errorf("%s: %d constants for %d channels, want 1 or one each", name, l, x.C)
		}
	}
	return n.add(&affineStep[T]{name: name, factor: factor, term: term}, false, x.C, x.H, x.W, x), nil
}

type affineStep[T kernel.Float] struct {
	ends[T]
	name         string
	factor, term []T
}

func (s *affineStep[T]) String() string { return "Affine " + s.name }

func (s *affineStep[T]) plan(*planner[T]) {}

func (s *affineStep[T]) forward(n *Net[T]) error {
	x, y := s.in[0], s.out
	n.env.each(y.C, func(_ *worker[T], c int) {
		kernel.Affine(y.row(y.values, c), x.row(x.values, c), 0, s.factor[c%len(s.factor)], s.term[c%len(s.term)])
	})
	return nil
}

func (s *affineStep[T]) backward(n *Net[T]) error {
	x, y := s.in[0], s.out
	if !x.learns {
		return nil
	}
	dx, add := x.gradient()
	n.env.each(y.C, func(_ *worker[T], c int) {
		f := s.factor[c%len(s.factor)]
		if add {
			kernel.Axpy(x.row(dx, c), f, y.row(y.grads, c))
		} else {
			kernel.ScaleTo(x.row(dx, c), f, y.row(y.grads, c))
		}
	})
	return nil
}
