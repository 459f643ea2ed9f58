package search

import (
	"math"

	"autodeeplab/internal/kernel"
	"autodeeplab/internal/sgd"
)

// SGD is stochastic gradient descent with momentum and weight decay, for the weights:
//
//	v ← momentum·v + gradient + decay·w,    w ← w − rate·v
type SGD[T kernel.Float] struct {
	Momentum, Decay float64
	Velocity        [][]T // of each weight, in the order of Parameters.Weights
}

// NewSGD makes an optimiser with velocities 0.
func NewSGD[T kernel.Float](p *Parameters[T], momentum, decay float64) *SGD[T] {
	o := &SGD[T]{Momentum: momentum, Decay: decay}
	for _, w := range p.Weights {
		o.Velocity = append(o.Velocity, make([]T, len(w.Data)))
	}
	return o
}

// Step updates the weights by their gradients times factor, which clipping gives.
func (o *SGD[T]) Step(pool *kernel.Pool, p *Parameters[T], gradient func(*Parameter[T]) []T, rate, factor float64) {
	rule := sgd.Rule{Rate: rate, Momentum: o.Momentum, Decay: o.Decay, Factor: factor}
	for i, w := range p.Weights {
		sgd.Update(pool, rule, w.Data, o.Velocity[i], gradient(w))
	}
}

// GradientNorm is the Euclidean norm of the weights' gradients together.
func GradientNorm[T kernel.Float](pool *kernel.Pool, p *Parameters[T], gradient func(*Parameter[T]) []T) float64 {
	var all [][]T
	for _, w := range p.Weights {
		all = append(all, gradient(w))
	}
	return sgd.Norm(pool, all)
}

// Adam is the optimiser of α and β (Kingma and Ba 2015, arXiv:1412.6980), with decay added to the gradient.
type Adam[T kernel.Float] struct {
	Rate, Decay, Beta1, Beta2, Epsilon float64
	Steps                              int    // taken so far
	First, Second                      [2][]T // moments of α and of β
}

// NewAdam makes an optimiser for α and β with the usual coefficients of the moments, 0.9 and 0.999.
func NewAdam[T kernel.Float](p *Parameters[T], rate, decay float64) *Adam[T] {
	o := &Adam[T]{Rate: rate, Decay: decay, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	for i, a := range []*Parameter[T]{p.Alpha, p.Beta} {
		o.First[i], o.Second[i] = make([]T, len(a.Data)), make([]T, len(a.Data))
	}
	return o
}

// Step updates α and β by their gradients. Masked elements of β have none, and stay 0.
func (o *Adam[T]) Step(p *Parameters[T], gradient func(*Parameter[T]) []T) {
	o.Steps++
	c1, c2 := 1-math.Pow(o.Beta1, float64(o.Steps)), 1-math.Pow(o.Beta2, float64(o.Steps))
	for i, a := range []*Parameter[T]{p.Alpha, p.Beta} {
		for j, g := range gradient(a) {
			d := float64(g) + o.Decay*float64(a.Data[j])
			m := o.Beta1*float64(o.First[i][j]) + (1-o.Beta1)*d
			v := o.Beta2*float64(o.Second[i][j]) + (1-o.Beta2)*d*d
			o.First[i][j], o.Second[i][j] = T(m), T(v)
			a.Data[j] -= T(o.Rate / c1 * m / (math.Sqrt(v/c2) + o.Epsilon))
		}
	}
}

// Cosine is the learning rate after a share done (0 to 1) of the search, from first to last along half a cosine
// (Loshchilov and Hutter 2017, arXiv:1608.03983).
func Cosine(first, last, done float64) float64 {
	return last + (first-last)*(1+math.Cos(math.Pi*min(max(done, 0), 1)))/2
}
