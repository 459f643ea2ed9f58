package gorgoniaop

import (
	"errors"
	"fmt"
	"math"

	"autodeeplab/internal/kernel"
)

// NormSpec is a batch normalisation with learnt scale and shift.
type NormSpec[T kernel.Float] struct {
	Scale, Shift Learned[T]
	Moments      Moments[T]
	Epsilon      float64
}

// norm is y = (z − mean)/√(variance + ε)·scale + shift channel by channel, with a ReLU behind it or not.
type norm[T kernel.Float] struct {
	NormSpec[T]
	relu      bool
	mean, inv []float64 // of the last forward pass; inv is 1/√(variance + ε)
}

func newNorm[T kernel.Float](s NormSpec[T], relu bool) *norm[T] {
	c := len(s.Scale.Value)
	return &norm[T]{NormSpec: s, relu: relu, mean: make([]float64, c), inv: make([]float64, c)}
}

// apply writes y, one channel of the batch, from z, and lets the moving averages follow (with the unbiased variance, as
// PyTorch and TensorFlow's fused operator have it).
func (m *norm[T]) apply(n *Net[T], y, z []T, c int) {
	mean, variance := float64(m.Moments.Mean[c]), float64(m.Moments.Variance[c])
	if !n.FreezeNorm {
		count := float64(len(z))
		mean = kernel.Sum(z) / count
		squares := kernel.CentredSquares(z, mean)
		variance = squares / count
		m.Moments.Mean[c] += n.env.Momentum * (T(mean) - m.Moments.Mean[c])
		m.Moments.Variance[c] += n.env.Momentum * (T(squares/max(count-1, 1)) - m.Moments.Variance[c])
	}
	m.mean[c], m.inv[c] = mean, 1/math.Sqrt(variance+m.Epsilon)
	m.again(y, z, c)
}

// again writes the y that apply wrote.
func (m *norm[T]) again(y, z []T, c int) {
	kernel.Affine(y, z, T(m.mean[c]), T(m.inv[c]*float64(m.Scale.Value[c])), m.Shift.Value[c])
	if m.relu {
		kernel.Relu(y, y)
	}
}

// back writes dz, the gradient of one channel before the normalisation, from dy behind it, and adds to the gradients of
// scale and shift. dz may be dy; tmp is scratch of the same length.
func (m *norm[T]) back(n *Net[T], dz, dy, z, tmp []T, c int) {
	if m.relu {
		m.again(tmp, z, c)
		kernel.ReluGrad(tmp, dy, tmp)
		dy = tmp
	}
	mean, inv, scale := m.mean[c], m.inv[c], float64(m.Scale.Value[c])
	sum, dot := kernel.SumDot(dy, z)
	dot = (dot - mean*sum) * inv // with the normalised z
	if m.Scale.Gradient != nil {
		m.Scale.Gradient[c] += T(dot)
		m.Shift.Gradient[c] += T(sum)
	}
	a := scale * inv
	if n.FreezeNorm {
		kernel.ScaleTo(dz, T(a), dy)
		return
	}
	// a·(dy − sum/n − (z − mean)·inv·dot/n)
	count := float64(len(z))
	if m.relu || &dz[0] != &dy[0] {
		kernel.Normalise(dz, z, T(mean), T(-a*inv*dot/count))
		kernel.LinearTo(dz, T(a), dy, 1, dz, T(-a*sum/count))
		return
	}
	kernel.Normalise(tmp, z, T(mean), T(-a*inv*dot/count))
	kernel.LinearTo(dz, T(a), dy, 1, tmp, T(-a*sum/count))
}

// check refuses sizes that do not fit, and statistics of one number a channel, whose variance is 0.
func (s *NormSpec[T]) check(n *Net[T], channels, pixels int) error {
	if pixels == 1 && !n.FreezeNorm {
		return errors.New("batch normalisation over one value a channel: want a batch of 2 or more (--batch), or frozen moving averages (--freeze-bn)")
	}
	for _, l := range []int{len(s.Scale.Value), len(s.Shift.Value), len(s.Moments.Mean), len(s.Moments.Variance)} {
		if l != channels {
			return fmt.Errorf("a normalisation of %d channels for %d", l, channels)
		}
	}
	return nil
}

// Norm adds batch normalisation [→ ReLU] of x.
func (n *Net[T]) Norm(name string, s NormSpec[T], relu bool, x *Feature[T]) (*Feature[T], error) {
	if err := s.check(n, x.C, x.pixels()); err != nil {
		return nil, err
	}
	return n.add(&normStep[T]{name: name, norm: newNorm(s, relu)}, s.Scale.Gradient != nil, x.C, x.H, x.W, x), nil
}

type normStep[T kernel.Float] struct {
	ends[T]
	*norm[T]
	name string
}

func (s *normStep[T]) String() string { return "Norm " + s.name }

func (s *normStep[T]) plan(p *planner[T]) { p.keep(s.in[0]) }

func (s *normStep[T]) forward(n *Net[T]) error {
	x, y := s.in[0], s.out
	n.env.each(y.C, func(_ *worker[T], c int) { s.apply(n, y.row(y.values, c), x.row(x.values, c), c) })
	return nil
}

func (s *normStep[T]) backward(n *Net[T]) error {
	x, y := s.in[0], s.out
	var dst []T
	add := false
	if x.learns {
		dst, add = x.gradient()
	}
	n.env.each(y.C, func(w *worker[T], c int) {
		dz := w.slab(1, y.pixels())
		if dst != nil && !add {
			dz = x.row(dst, c)
		}
		s.back(n, dz, y.row(y.grads, c), x.row(x.values, c), w.slab(0, y.pixels()), c)
		if add {
			kernel.AddTo(x.row(dst, c), dz)
		}
	})
	return nil
}
