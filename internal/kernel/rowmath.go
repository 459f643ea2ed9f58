package kernel

import "sync"

//go:generate go run ./asm -family rowmath -out rowmath_amd64.s -stubs rowmath_stub_amd64.go

// The functions of this file work on one row in one thread. Slices that come in together are as long as the first one,
// or longer. float32 has assembly; float64, the type of gradient checks, is always plain Go. Both round alike: no
// multiplication is fused with an addition (the conversions keep arm64 from doing so), and sums are of float64, in
// rowStep interleaved ones that are then added pairwise, so that results are the same to the bit on every machine.

// Sum is Σ x.
func Sum[T Float](x []T) float64 {
	if row := single(x); row != nil {
		return sumFloats(0, row)
	}
	var sums [rowStep]float64
	for i, v := range x {
		sums[i%rowStep] += float64(v)
	}
	return pairwise(&sums)
}

// CentredSquares is Σ (x − mean)².
func CentredSquares[T Float](x []T, mean float64) float64 {
	if row := single(x); row != nil {
		return squareFloats(0, mean, row)
	}
	var sums [rowStep]float64
	for i, v := range x {
		d := float64(v) - mean
		sums[i%rowStep] += float64(d * d)
	}
	return pairwise(&sums)
}

// Dot is Σ x·y.
func Dot[T Float](x, y []T) float64 {
	y = y[:len(x)]
	dots := rowSums.Get().(*[rowStep]float64)
	clear(dots[:])
	n := 0
	if row := single(x); row != nil {
		if n = len(x) &^ (rowStep - 1); n > 0 {
			trainFast.dot(&dots[0], &row[0], &single(y)[0], n)
		}
	}
	for i := n; i < len(x); i++ {
		dots[i%rowStep] += float64(float64(x[i]) * float64(y[i]))
	}
	total := pairwise(dots)
	rowSums.Put(dots)
	return total
}

// rowSums are for the interleaved sums that assembly writes, which would otherwise be allocated at every call.
var rowSums = sync.Pool{New: func() any { return new([rowStep]float64) }}

// SumDot is Σ x and Σ x·y, in one pass.
func SumDot[T Float](x, y []T) (sum, dot float64) {
	y = y[:len(x)]
	sums, dots := rowSums.Get().(*[rowStep]float64), rowSums.Get().(*[rowStep]float64)
	clear(sums[:])
	clear(dots[:])
	n := 0
	if row := single(x); row != nil {
		if n = len(x) &^ (rowStep - 1); n > 0 {
			trainFast.sumDot(&sums[0], &dots[0], &row[0], &single(y)[0], n)
		}
	}
	for i := n; i < len(x); i++ {
		sums[i%rowStep] += float64(x[i])
		dots[i%rowStep] += float64(float64(x[i]) * float64(y[i]))
	}
	sum, dot = pairwise(sums), pairwise(dots)
	rowSums.Put(sums)
	rowSums.Put(dots)
	return sum, dot
}

// Axpy computes dst += a·x.
func Axpy[T Float](dst []T, a T, x []T) {
	x = x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.axpy(&d[0], &single(x)[0], len(d), float32(a))
		return
	}
	for i, v := range x {
		dst[i] += T(a * v)
	}
}

// ScaleTo computes dst = a·x; dst may be x.
func ScaleTo[T Float](dst []T, a T, x []T) {
	x = x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.scale(&d[0], &single(x)[0], len(d), float32(a))
		return
	}
	for i, v := range x {
		dst[i] = a * v
	}
}

// Normalise computes dst = (x − mean)·factor; dst may be x.
func Normalise[T Float](dst, x []T, mean, factor T) {
	x = x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.normalise(&d[0], &single(x)[0], len(d), float32(mean), float32(factor))
		return
	}
	for i, v := range x {
		dst[i] = (v - mean) * factor
	}
}

// NormaliseRelu computes dst = max(0, (x − mean)·factor); dst may be x. NaN stays NaN.
func NormaliseRelu[T Float](dst, x []T, mean, factor T) {
	x = x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.normaliseRelu(&d[0], &single(x)[0], len(d), float32(mean), float32(factor))
		return
	}
	for i, v := range x {
		dst[i] = max((v-mean)*factor, 0)
	}
}

// LinearTo computes dst = a·x + b·y + c, the form of batch normalisation's gradient; dst may be x or y.
func LinearTo[T Float](dst []T, a T, x []T, b T, y []T, c T) {
	x, y = x[:len(dst)], y[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.linear(&d[0], &single(x)[0], &single(y)[0], len(d), float32(a), float32(b), float32(c))
		return
	}
	for i, v := range x {
		dst[i] = T(a*v) + T(b*y[i]) + c
	}
}

// Relu computes dst = max(0, x); dst may be x. NaN stays NaN.
func Relu[T Float](dst, x []T) {
	x = x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.relu(&d[0], &single(x)[0], len(d))
		return
	}
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

// ReluGrad computes dst = dy where x > 0, and 0 elsewhere; dst may be dy. x may as well be what Relu made of it.
func ReluGrad[T Float](dst, dy, x []T) {
	dy, x = dy[:len(dst)], x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.reluGrad(&d[0], &single(dy)[0], &single(x)[0], len(d))
		return
	}
	for i, v := range dy {
		if !(x[i] > 0) {
			v = 0
		}
		dst[i] = v
	}
}

// AddTo computes dst += x.
func AddTo[T Float](dst, x []T) {
	x = x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.add(&d[0], &single(x)[0], len(d))
		return
	}
	for i, v := range x {
		dst[i] += v
	}
}

// MulTo computes dst = dst·x, element by element.
func MulTo[T Float](dst, x []T) {
	x = x[:len(dst)]
	if d := single(dst); d != nil {
		trainFast.mul(&d[0], &single(x)[0], len(d))
		return
	}
	for i, v := range x {
		dst[i] *= v
	}
}
