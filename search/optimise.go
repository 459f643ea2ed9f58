package search

import (
	"math"

	"autodeeplab/internal/kernel"
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

// piece is how many elements one task of an update handles.
const piece = 1 << 14

// Step updates the weights by their gradients times factor, which clipping gives.
func (o *SGD[T]) Step(pool *kernel.Pool, p *Parameters[T], gradient func(*Parameter[T]) []T, rate, factor float64) {
	for i, w := range p.Weights {
		g, v := gradient(w), o.Velocity[i]
		pieces(pool, len(v), func(_, lo, hi int) {
			kernel.LinearTo(v[lo:hi], T(o.Momentum), v[lo:hi], T(factor), g[lo:hi], 0)
			kernel.Axpy(v[lo:hi], T(o.Decay), w.Data[lo:hi])
			kernel.Axpy(w.Data[lo:hi], T(-rate), v[lo:hi])
		})
	}
}

// pieces runs body on ranges of n elements that depend on n alone.
func pieces(pool *kernel.Pool, n int, body func(i, lo, hi int)) {
	pool.For((n+piece-1)/piece, 1, func(_, from, to int) {
		for i := from; i < to; i++ {
			body(i, i*piece, min((i+1)*piece, n))
		}
	})
}

// GradientNorm is the Euclidean norm of the weights' gradients together.
func GradientNorm[T kernel.Float](pool *kernel.Pool, p *Parameters[T], gradient func(*Parameter[T]) []T) float64 {
	total := 0.0
	var sums []float64
	for _, w := range p.Weights {
		g := gradient(w)
		sums = append(sums[:0], make([]float64, (len(g)+piece-1)/piece)...)
		pieces(pool, len(g), func(i, lo, hi int) { sums[i] = kernel.Dot(g[lo:hi], g[lo:hi]) })
		for _, s := range sums {
			total += s
		}
	}
	return math.Sqrt(total)
}

// ClipFactor is what gradients of a norm are multiplied by so that it becomes at most limit; no limit is 0.
func ClipFactor(norm, limit float64) float64 {
	if limit <= 0 || !(norm > limit) {
		return 1
	}
	return limit / norm
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
