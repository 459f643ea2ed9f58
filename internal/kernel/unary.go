package kernel

import "math"

// Map computes f over rows of src into the same places of dst, which may be src.
func Map[T, R any](p *Pool, dst []R, src []T, f func(dst []R, src []T)) {
	p.For(len(dst), rowLen, func(_, lo, hi int) { f(dst[lo:hi], src[lo:hi]) })
}

// ReluRow is max(x, 0); NaN stays NaN, and −0 becomes 0.
func ReluRow[T Real](dst, src []T) {
	if d, ok := any(dst).([]float32); ok {
		reluFloats(d, any(src).([]float32))
		return
	}
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = max(x, 0)
	}
}

// ClipRow gives a row function that bounds x to [lo, hi]; NaN stays NaN, and hi wins where lo > hi.
func ClipRow[T Real](lo, hi T) func(dst, src []T) {
	if lo, ok := any(lo).(float32); ok {
		hi := any(hi).(float32)
		return any(func(dst, src []float32) { clipFloats(dst, src, lo, hi) }).(func(dst, src []T))
	}
	return func(dst, src []T) {
		src = src[:len(dst)]
		for i, x := range src {
			if x < lo {
				x = lo
			}
			if x > hi {
				x = hi
			}
			dst[i] = x
		}
	}
}

// Float64Row makes a row function of a function of float64.
func Float64Row[T Floating](f func(float64) float64) func(dst, src []T) {
	return func(dst, src []T) {
		src = src[:len(dst)]
		for i, x := range src {
			dst[i] = T(f(float64(x)))
		}
	}
}

// AbsRow is |x|; the least number of a signed integer type, which has no opposite, stays.
func AbsRow[T Real](dst, src []T) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = max(x, 0-x)
	}
}

// NegRow is −x.
func NegRow[T Real](dst, src []T) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = -x
	}
}

// NotRow is the logical not.
func NotRow(dst, src []bool) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = !x
	}
}

// The functions below, and those of package math, are computed in float64: rounded to float32 they are off by no more
// than half an ulp and a hair.

// Sigmoid is 1 / (1 + exp(−x)).
func Sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// LeakyRelu is x where that is not negative, else alpha·x. It picks the factor by the sign bit, since a branch on the
// sign of activations is a coin toss.
func LeakyRelu(alpha float64) func(float64) float64 {
	factors := [2]float64{1, alpha}
	return func(x float64) float64 { return x * factors[math.Float64bits(x)>>63] }
}

// HardSigmoid is alpha·x + beta, bounded to [0, 1].
func HardSigmoid(alpha, beta float64) func(float64) float64 {
	return func(x float64) float64 { return unitInterval(alpha*x + beta) }
}

// HardSwish is x · max(0, min(1, x/6 + 1/2)) (Howard et al. 2019, arXiv:1905.02244).
func HardSwish(x float64) float64 { return x * unitInterval(x/6+0.5) }

// unitInterval bounds x to [0, 1]; NaN stays NaN.
func unitInterval(x float64) float64 {
	if x > 1 {
		return 1
	}
	if x < 0 {
		return 0
	}
	return x
}

// Gelu is x·Φ(x), with Φ the distribution function of the standard normal distribution (Hendrycks and Gimpel 2016,
// arXiv:1606.08415).
func Gelu(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) }

// GeluTanh is the same paper's approximation of Gelu by tanh.
func GeluTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}
