package kernel

import "math"

// Rows of the arithmetic operators: dst[i] = x[i] ∘ y[i] for slices of equal length.

// AddRow adds.
func AddRow[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

// SubRow subtracts.
func SubRow[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

// MulRow multiplies.
func MulRow[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

// DivRow divides; integers truncate towards zero, and no y may be 0 then.
func DivRow[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] / y[i]
	}
}

// MinRow takes the smaller; NaN where either is.
func MinRow[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = min(x[i], y[i])
	}
}

// MaxRow takes the larger; NaN where either is.
func MaxRow[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = max(x[i], y[i])
	}
}

// PReluRow is x where it is not negative, else x times the slope y.
func PReluRow[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i]
		if x[i] < 0 {
			dst[i] = x[i] * y[i]
		}
	}
}

// PowRow raises x to the power y, in float64.
func PowRow(dst, x, y []float64) {
	for i := range dst {
		dst[i] = math.Pow(x[i], y[i])
	}
}

// Rows of the comparisons; NaN compares false.

// EqualRow compares for equality.
func EqualRow[T comparable](dst []bool, x, y []T) {
	for i := range dst {
		dst[i] = x[i] == y[i]
	}
}

// LessRow compares x < y.
func LessRow[T Real](dst []bool, x, y []T) {
	for i := range dst {
		dst[i] = x[i] < y[i]
	}
}

// LessEqualRow compares x ≤ y.
func LessEqualRow[T Real](dst []bool, x, y []T) {
	for i := range dst {
		dst[i] = x[i] <= y[i]
	}
}

// AndRow is the logical and.
func AndRow(dst, x, y []bool) {
	for i := range dst {
		dst[i] = x[i] && y[i]
	}
}

// OrRow is the logical or.
func OrRow(dst, x, y []bool) {
	for i := range dst {
		dst[i] = x[i] || y[i]
	}
}
