// Package sgd updates weights by stochastic gradient descent with momentum. All its loops are cut into pieces that depend
// on the lengths alone, so that results are the same whatever the number of threads.
package sgd

import (
	"math"

	"autodeeplab/internal/kernel"
)

// piece is how many elements one task of an update handles.
const piece = 1 << 14

// Rule is how weights w follow their gradient g with velocity v:
//
//	d ← factor·g + decay·w,    v ← momentum·v + d
//	w ← w − rate·v,    or, Nesterov, w ← w − rate·(d + momentum·v)
type Rule struct {
	Rate, Momentum, Decay float64
	Factor                float64 // of the gradient: what clipping, or a sum over several batches, asks for
	Nesterov              bool
}

// Update applies the rule to one tensor. With Nesterov, g is overwritten by d.
func Update[T kernel.Float](pool *kernel.Pool, r Rule, w, v, g []T) {
	pieces(pool, len(w), func(_, lo, hi int) {
		w, v, g := w[lo:hi], v[lo:hi], g[lo:hi]
		if !r.Nesterov {
			kernel.LinearTo(v, T(r.Momentum), v, T(r.Factor), g, 0)
			kernel.Axpy(v, T(r.Decay), w)
			kernel.Axpy(w, T(-r.Rate), v)
			return
		}
		kernel.LinearTo(g, T(r.Factor), g, T(r.Decay), w, 0)
		kernel.LinearTo(v, T(r.Momentum), v, 1, g, 0)
		kernel.Axpy(w, T(-r.Rate), g)
		kernel.Axpy(w, T(-r.Rate*r.Momentum), v)
	})
}

// Average moves a moving average towards x: average ← keep·average + (1 − keep)·x.
func Average[T kernel.Float](pool *kernel.Pool, keep float64, average, x []T) {
	pieces(pool, len(x), func(_, lo, hi int) {
		kernel.LinearTo(average[lo:hi], T(keep), average[lo:hi], T(1-keep), x[lo:hi], 0)
	})
}

// pieces runs body on ranges of n elements that depend on n alone.
func pieces(pool *kernel.Pool, n int, body func(i, lo, hi int)) {
	pool.For((n+piece-1)/piece, 1, func(_, from, to int) {
		for i := from; i < to; i++ {
			body(i, i*piece, min((i+1)*piece, n))
		}
	})
}

// Norm is the Euclidean norm of several gradients together.
func Norm[T kernel.Float](pool *kernel.Pool, gradients [][]T) float64 {
	total := 0.0
	var sums []float64
	for _, g := range gradients {
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
