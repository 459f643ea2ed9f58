package gorgoniaop

import (
	"fmt"

	"autodeeplab/internal/kernel"
)

// Concat adds the concatenation of images along their channels. What nothing else has laid out yet is computed where it
// belongs, and nothing is copied.
func (n *Net[T]) Concat(name string, in ...*Feature[T]) (*Feature[T], error) {
	channels := 0
	for _, f := range in {
		if f.H != in[0].H || f.W != in[0].W {
			return nil, fmt.Errorf("concatenation %s: images of %d×%d and %d×%d", name, in[0].H, in[0].W, f.H, f.W)
		}
		channels += f.C
	}
	s := &concatStep[T]{name: name, placed: make([]bool, len(in)), shared: make([]bool, len(in))}
	return n.add(s, false, channels, in[0].H, in[0].W, in...), nil
}

type concatStep[T kernel.Float] struct {
	ends[T]
	name           string
	placed, shared []bool // inputs whose values, whose gradients lie where they belong
}

func (s *concatStep[T]) String() string { return "Concat " + s.name }

func (s *concatStep[T]) plan(p *planner[T]) {
	at := 0
	for k, f := range s.in {
		if f.origin == nil && f.step >= 0 && f.data.whole == nil {
			f.data.lieIn(s.out.data, at)
			s.placed[k] = true
		}
		if f.learns && f.last() == p.step && f.grad.whole == nil {
			f.grad.lieIn(s.out.grad, at)
			s.shared[k] = true
		}
		at += f.Size()
	}
}

func (s *concatStep[T]) forward(n *Net[T]) error {
	at := 0
	for k, x := range s.in {
		to := s.out.values[at:][:x.Size()]
		at += x.Size()
		if !s.placed[k] {
			n.env.each(x.C, func(_ *worker[T], c int) { copy(x.row(to, c), x.row(x.values, c)) })
		}
	}
	return nil
}

func (s *concatStep[T]) backward(n *Net[T]) error {
	at := 0
	for k, x := range s.in {
		from := s.out.grads[at:][:x.Size()]
		at += x.Size()
		switch {
		case !x.learns:
		case s.shared[k]:
			x.written = true
		default:
			dx, add := x.gradient()
			n.env.each(x.C, func(_ *worker[T], c int) { accumulate(x.row(dx, c), x.row(from, c), nil, add) })
		}
	}
	return nil
}

// Resize adds the resampling of x by taps along its rows and columns; nil leaves an axis as it is.
func (n *Net[T]) Resize(name string, y, x *kernel.Taps[T], in *Feature[T]) *Feature[T] {
	h, w := in.H, in.W
	if y != nil {
		h = y.Out
	}
	if x != nil {
		w = x.Out
	}
	return n.add(&resizeStep[T]{name: name, taps: []*kernel.Taps[T]{nil, y, x}}, false, in.C, h, w, in)
}

type resizeStep[T kernel.Float] struct {
	ends[T]
	name string
	taps []*kernel.Taps[T]
	tmp  *piece // for a gradient that is added
	half *piece // between the axes
}

func (s *resizeStep[T]) String() string { return "Resize " + s.name }

func (s *resizeStep[T]) plan(p *planner[T]) {
	if x := s.in[0]; x.learns && x.last() != p.step {
		s.tmp = p.lend(x.Size())
	}
	if s.in[0].learns && s.taps[1] != nil && s.taps[2] != nil {
		s.half = p.lend(s.in[0].C * s.in[0].N * s.in[0].H * s.out.W)
	}
}

func (s *resizeStep[T]) source() []int {
	x := s.in[0]
	return []int{x.C * x.N, x.H, x.W}
}

func (s *resizeStep[T]) forward(n *Net[T]) error {
	kernel.Resize(n.env.Pool, s.out.values, s.in[0].values, s.source(), s.taps, 0)
	return nil
}

func (s *resizeStep[T]) backward(n *Net[T]) error {
	x := s.in[0]
	if !x.learns {
		return nil
	}
	var half []T
	if s.half != nil {
		half = n.slice(s.half)
	}
	dx, add := x.gradient()
	if !add {
		kernel.ResizeGrad(n.env.Pool, half, dx, s.out.grads, s.source(), s.taps)
		return nil
	}
	tmp := n.slice(s.tmp)
	kernel.ResizeGrad(n.env.Pool, half, tmp, s.out.grads, s.source(), s.taps)
	n.env.each(x.C, func(_ *worker[T], c int) { kernel.AddTo(x.row(dx, c), x.row(tmp, c)) })
	return nil
}

// Mean adds the mean over the pixels of each image: [C, N, 1, 1].
func (n *Net[T]) Mean(name string, x *Feature[T]) *Feature[T] {
	return n.add(&meanStep[T]{name: name}, false, x.C, 1, 1, x)
}

type meanStep[T kernel.Float] struct {
	ends[T]
	name string
}

func (s *meanStep[T]) String() string { return "Mean " + s.name }

func (s *meanStep[T]) plan(*planner[T]) {}

func (s *meanStep[T]) forward(n *Net[T]) error {
	x, size := s.in[0], s.in[0].H*s.in[0].W
	n.env.each(x.C*x.N, func(_ *worker[T], i int) {
		s.out.values[i] = T(kernel.Sum(x.values[i*size:][:size]) / float64(size))
	})
	return nil
}

func (s *meanStep[T]) backward(n *Net[T]) error {
	x, size := s.in[0], s.in[0].H*s.in[0].W
	if !x.learns {
		return nil
	}
	dx, add := x.gradient()
	n.env.each(x.C*x.N, func(_ *worker[T], i int) {
		to, v := dx[i*size:][:size], s.out.grads[i]/T(size)
		if add {
			kernel.Affine(to, to, 0, 1, v)
		} else {
			fill(to, v)
		}
	})
	return nil
}

// Spread adds an image of h×w pixels, at each of which stands what x, of one pixel, is.
func (n *Net[T]) Spread(name string, h, w int, x *Feature[T]) (*Feature[T], error) {
	if x.H != 1 || x.W != 1 {
		return nil, fmt.Errorf("%s: an image of %d×%d is spread over %d×%d, want one of 1×1", name, x.H, x.W, h, w)
	}
	return n.add(&spreadStep[T]{name: name}, false, x.C, h, w, x), nil
}

type spreadStep[T kernel.Float] struct {
	ends[T]
	name string
}

func (s *spreadStep[T]) String() string { return "Spread " + s.name }

func (s *spreadStep[T]) plan(*planner[T]) {}

func (s *spreadStep[T]) forward(n *Net[T]) error {
	x, size := s.in[0], s.out.H*s.out.W
	n.env.each(x.C*x.N, func(_ *worker[T], i int) { fill(s.out.values[i*size:][:size], x.values[i]) })
	return nil
}

func (s *spreadStep[T]) backward(n *Net[T]) error {
	x, size := s.in[0], s.out.H*s.out.W
	if !x.learns {
		return nil
	}
	dx, add := x.gradient()
	n.env.each(x.C*x.N, func(_ *worker[T], i int) {
		v := T(kernel.Sum(s.out.grads[i*size:][:size]))
		if add {
			v += dx[i]
		}
		dx[i] = v
	})
	return nil
}

// Dropout adds x with each element set to zero with probability rate, and the others scaled by 1/(1 − rate).
func (n *Net[T]) Dropout(name string, place uint64, rate float64, x *Feature[T]) *Feature[T] {
	return n.add(&dropoutStep[T]{name: name, place: place, rate: rate}, false, x.C, x.H, x.W, x)
}

type dropoutStep[T kernel.Float] struct {
	ends[T]
	name  string
	place uint64
	rate  float64
}

func (s *dropoutStep[T]) String() string { return "Dropout " + s.name }

func (s *dropoutStep[T]) plan(*planner[T]) {}

func (s *dropoutStep[T]) forward(n *Net[T]) error {
	s.drop(n, s.out.values, s.in[0].values, false)
	return nil
}

func (s *dropoutStep[T]) drop(n *Net[T], dst, src []T, add bool) {
	x, c, scale := s.in[0], n.Chance.At(s.place), T(1/(1-s.rate))
	n.env.each(x.C, func(_ *worker[T], i int) {
		to, from := x.row(dst, i), x.row(src, i)
		at := uint64(i * x.pixels())
		for j, v := range from {
			if c.Uniform(at+uint64(j)) < s.rate {
				v = 0
			} else {
				v *= scale
			}
			if add {
				v += to[j]
			}
			to[j] = v
		}
	})
}

func (s *dropoutStep[T]) backward(n *Net[T]) error {
	x := s.in[0]
	if !x.learns {
		return nil
	}
	dx, add := x.gradient()
	s.drop(n, dx, s.out.grads, add)
	return nil
}
