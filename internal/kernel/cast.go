package kernel

import "math"

// Integer is a type of integers.
type Integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// ConvertRow converts as Go does: integers wrap around, and a float32 too large for the type becomes infinite. It is not
// for floats to integers; TruncRow is.
func ConvertRow[D, S Real](dst []D, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = D(x)
	}
}

// TruncRow rounds floats towards zero. What the integer type cannot hold becomes its nearest number, and NaN becomes 0,
// on every machine.
func TruncRow[D Integer, S Floating](dst []D, src []S) {
	least, greatest := Least[D](), Greatest[D]()
	lo, hi := float64(least), float64(greatest) // for 64 bits hi is one too large, and not held itself
	src = src[:len(dst)]
	for i, x := range src {
		switch x := float64(x); {
		case x > lo && x < hi:
			dst[i] = D(x)
		case x >= hi:
			dst[i] = greatest
		case x <= lo:
			dst[i] = least
		default:
			dst[i] = 0
		}
	}
}

// NonZeroRow is false for zeros, also for −0, and true for all else, also for NaN.
func NonZeroRow[S Real](dst []bool, src []S) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = x != 0
	}
}

// OddFloat32 rounds to a float32 so that rounding that once more, to a float type with at least two bits less, gives
// what rounding x itself would give: of the two neighbours it takes the one whose last bit is 1, unless x is one of them
// (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums").
func OddFloat32(x float64) float32 {
	f := float32(x)
	if math.IsInf(float64(f), 0) && !math.IsInf(x, 0) {
		f = float32(math.Copysign(math.MaxFloat32, x))
	}
	bits := math.Float32bits(f)
	if float64(f) == x || x != x || bits&1 == 1 {
		return f
	}
	if math.Abs(float64(f)) < math.Abs(x) {
		return math.Float32frombits(bits + 1)
	}
	return math.Float32frombits(bits - 1)
}
