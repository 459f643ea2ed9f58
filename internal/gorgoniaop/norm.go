package gorgoniaop

import (
	"math"

	"autodeeplab/internal/kernel"
)

// Moments are the moving averages of a batch normalisation, one value a channel, which evaluation normalises with. The
// owner of a network stores them with its weights; the operators update them in place.
type Moments[T kernel.Float] struct {
	Mean, Variance []T
}

// NewMoments gives the averages of an untrained network: mean 0, variance 1.
func NewMoments[T kernel.Float](channels int) Moments[T] {
	m := Moments[T]{Mean: make([]T, channels), Variance: make([]T, channels)}
	for i := range m.Variance {
		m.Variance[i] = 1
	}
	return m
}

// slice gives the moments of channels [lo, hi).
func (m Moments[T]) slice(lo, hi int) Moments[T] {
	return Moments[T]{Mean: m.Mean[lo:hi], Variance: m.Variance[lo:hi]}
}

// normalise makes y, one channel of a batch, have mean 0 and variance 1 in place, and returns the factor 1/σ that did it.
// In training the statistics are the batch's (with the biased variance), and the moving averages go towards them (with
// the unbiased one); else they are the moving averages.
func (e *Env[T]) normalise(y []T, m Moments[T], channel int, epsilon float64) T {
	if !e.Training {
		inv := T(1 / math.Sqrt(float64(m.Variance[channel])+epsilon))
		kernel.Normalise(y, y, m.Mean[channel], inv)
		return inv
	}
	n := float64(len(y))
	mean := kernel.Sum(y) / n
	squares := kernel.CentredSquares(y, mean)
	inv := T(1 / math.Sqrt(squares/n+epsilon))
	kernel.Normalise(y, y, T(mean), inv)
	if e.Momentum > 0 {
		m.Mean[channel] += e.Momentum * (T(mean) - m.Mean[channel])
		m.Variance[channel] += e.Momentum * (T(squares/max(n-1, 1)) - m.Variance[channel])
	}
	return inv
}

// normaliseGrad writes the gradient before the normalisation from a·dy, the gradient behind it: y is the normalised
// channel, inv its factor, sum and dot are Σ dy and Σ dy·y.
func normaliseGrad[T kernel.Float](dst []T, a T, dy, y []T, inv T, sum, dot float64) {
	n := T(len(y))
	kernel.LinearTo(dst, a*inv, dy, -a*inv*T(dot)/n, y, -a*inv*T(sum)/n)
}
