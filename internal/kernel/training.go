package kernel

import "unsafe"

// trainAsm is the assembly of the training kernels for one instruction set. All counts are elements, at least 1.
type trainAsm struct {
	name string
	// See rowmath.go, for any number of elements.
	axpy                     func(dst, x *float32, n int, a float32)
	scale                    func(dst, x *float32, n int, a float32)
	normalise, normaliseRelu func(dst, x *float32, n int, mean, factor float32)
	linear                   func(dst, x, y *float32, n int, a, b, c float32)
	relu, add, mul           func(dst, x *float32, n int)
	reluGrad                 func(dst, dy, x *float32, n int)
	// The sums of rowmath.go, for multiples of rowStep elements.
	dot    func(dot *float64, x, y *float32, n int)
	sumDot func(sum, dot *float64, x, y *float32, n int)
	// See border.go.
	planeCopy, planeAdd func(dst, src *float32, rows, cols, ldd, lds int)
	// See shift.go; dots has a loop for each of some numbers of taps, by that number.
	dots      []func(out *float64, dy, src *float32, n int, offsets *int)
	shiftMax  func(dst *float32, which *uint8, src *float32, n int, offsets *int, taps int) // n ≥ rowStep
	shiftPick func(dx, dy *float32, which *uint8, n int, tap int)                           // multiples of rowStep
	// See products.go; for up to lanes rows, and k at least lanes.
	transpose func(dst, src *float32, rows, k, ldd, lds int)
	lanes     int // float32 in a vector
}

// trainSets lists the assembly that this machine can run, the fastest first; trainFast is what is used, nil for none.
var (
	trainSets = asmTraining()
	trainFast = func() *trainAsm {
		if len(trainSets) > 0 {
			return trainSets[0]
		}
		return nil
	}()
)

// single gives x as what it is if T is float32 and there is assembly for it, else nil, as for an empty x.
func single[T Float](x []T) []float32 {
	if unsafe.Sizeof(*new(T)) != 4 || trainFast == nil || len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&x[0])), len(x))
}
