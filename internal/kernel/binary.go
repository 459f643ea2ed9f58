package kernel

import "math"

// Arithmetic is an operation that makes a number of two of the same type.
type Arithmetic uint8

// The operations. Integers wrap around, and their division truncates towards zero. OpMin and OpMax give NaN where either
// operand is one, and order −0 before +0. OpPRelu is x where that is not negative, else x·y.
const (
	OpAdd Arithmetic = iota
	OpSub
	OpMul
	OpDiv
	OpMin
	OpMax
	OpPRelu
)

// Row gives the row function of an operation: dst[i] = x[i] ∘ y[i] for slices of equal length; dst may be x or y.
// Division of integers panics if a y[i] is 0.
func Row[T Real](op Arithmetic) func(dst, x, y []T) {
	if f, ok := any(vectorRow(op)).(func(dst, x, y []T)); ok && f != nil {
		return f
	}
	switch op {
	case OpAdd:
		return addRows[T]
	case OpSub:
		return subRows[T]
	case OpMul:
		return mulRows[T]
	case OpDiv:
		return divRows[T]
	case OpMin:
		return minRows[T]
	case OpMax:
		return maxOfRows[T]
	}
	return preluRows[T]
}

func addRows[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func subRows[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

func mulRows[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

func divRows[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] / y[i]
	}
}

func minRows[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = min(x[i], y[i])
	}
}

func maxOfRows[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = max(x[i], y[i])
	}
}

func preluRows[T Real](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i, v := range x {
		if v < 0 {
			v *= y[i]
		}
		dst[i] = v
	}
}

// PowRow raises x to the power y, computed in float64. The commonest exponents take a short cut.
func PowRow[T Floating](dst, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i, v := range x {
		switch v, e := float64(v), float64(y[i]); e {
		case 2:
			dst[i] = T(v * v)
		case 3:
			dst[i] = T(v * v * v)
		default:
			dst[i] = T(math.Pow(v, e))
		}
	}
}

// PowInt raises x to the power y. It wraps around as multiplication does, so that its low bits are also the result for
// narrower types. A negative power of another number than ±1 truncates to 0; ok is false for one of 0.
func PowInt(x, y int64) (p int64, ok bool) {
	if y < 0 {
		switch x {
		case 0:
			return 0, false
		case 1:
			return 1, true
		case -1:
			return 1 - 2*(y&1), true
		}
		return 0, true
	}
	for p = 1; y > 0; y >>= 1 {
		if y&1 == 1 {
			p *= x
		}
		x *= x
	}
	return p, true
}

// Comparison is an order relation of two numbers; NaN fulfils none.
type Comparison uint8

// The relations.
const (
	OpLess Comparison = iota
	OpLessEqual
	OpGreater
	OpGreaterEqual
)

// CompareRow gives the row function of a relation: dst[i] = x[i] ∘ y[i] for slices of equal length.
func CompareRow[T Real](op Comparison) func(dst []bool, x, y []T) {
	switch op {
	case OpLess:
		return lessRows[T]
	case OpLessEqual:
		return lessEqualRows[T]
	case OpGreater:
		return func(dst []bool, x, y []T) { lessRows(dst, y, x) }
	}
	return func(dst []bool, x, y []T) { lessEqualRows(dst, y, x) }
}

func lessRows[T Real](dst []bool, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] < y[i]
	}
}

func lessEqualRows[T Real](dst []bool, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] <= y[i]
	}
}

// EqualRow compares for equality; NaN equals nothing.
func EqualRow[T comparable](dst []bool, x, y []T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] == y[i]
	}
}

// AndRow is the logical and.
func AndRow(dst, x, y []bool) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] && y[i]
	}
}

// OrRow is the logical or.
func OrRow(dst, x, y []bool) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] || y[i]
	}
}
