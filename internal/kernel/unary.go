package kernel

import "math"

// Map computes f over rows of src into the same places of dst, which may be src.
func Map[T, R any](p *Pool, dst []R, src []T, f func(dst []R, src []T)) {
	p.For(len(dst), 16*rowLen, func(_, lo, hi int) { f(dst[lo:hi], src[lo:hi]) })
}

// ReluRow is max(x, 0); NaN stays NaN.
func ReluRow[T Real](dst, src []T) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = max(x, 0)
	}
}

// Float64Row makes a row of a function of float64: exact to the last bit of float32, at the price of its speed.
func Float64Row[T Floating](f func(float64) float64) func(dst, src []T) {
	return func(dst, src []T) {
		src = src[:len(dst)]
		for i, x := range src {
			dst[i] = T(f(float64(x)))
		}
	}
}

// AbsRow is |x|, and 0 for −0.
func AbsRow[T Real](dst, src []T) {
	for i, x := range src {
		if x <= 0 {
			x = 0 - x
		}
		dst[i] = x
	}
}

// NegRow is −x.
func NegRow[T Real](dst, src []T) {
	for i, x := range src {
		dst[i] = -x
	}
}

// ClipRow bounds x to [lo, hi]; NaN stays NaN, and hi wins where lo > hi.
func ClipRow[T Real](lo, hi T) func(dst, src []T) {
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

// NotRow is the logical not.
func NotRow(dst, src []bool) {
	for i, x := range src {
		dst[i] = !x
	}
}

// Sigmoid is 1 / (1 + exp(−x)).
func Sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// LeakyRelu is x where it is not negative, else alpha·x.
func LeakyRelu(alpha float64) func(float64) float64 {
	return func(x float64) float64 {
		if x < 0 {
			return alpha * x
		}
		return x
	}
}

// HardSigmoid is alpha·x + beta, bounded to [0, 1].
func HardSigmoid(alpha, beta float64) func(float64) float64 {
	return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }
}

// HardSwish is x · HardSigmoid(1/6, 1/2)(x).
func HardSwish(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }

// Gelu is x·Φ(x), the normal distribution's (Hendrycks and Gimpel 2016).
func Gelu(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }

// GeluTanh is Gelu's approximation by tanh.
func GeluTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}
