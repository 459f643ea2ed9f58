package kernel

import "math"

//go:generate go run ./asm -family bytes -out bytes_amd64.s -stubs bytes_stub_amd64.go

// byteKernel holds the kernels of 8-bit integers for one instruction set: numbers are (stored − zero point)·scale, stored
// as uint8; weights are int8 without zero points. Sums are exact in 32 bits, and what becomes of them (a factor in
// float32, rounding halves to even, bounds) is the same to the bit in all of them.
type byteKernel struct {
	name       string
	rows, cols int            // of the tallest tile
	tile       []byteTileFunc // by number of rows
	// The others are nil where there is no assembly.
	pack     [3]func(dst, src *uint8, n, groups, plane1, plane2, plane3, groupPlane, ld int) // by stride
	widen    func(dst *float32, src *uint8, n int, zero int32, scale float32)
	narrow   func(dst *uint8, src *float32, n int, bias int32, scale, lo, hi float32, zero int32)
	quantize func(dst *uint8, src *float32, n int, scale, lo, hi float32, zero int32)
	add      func(dst, x, y *uint8, n int, xZero int32, xScale float32, yZero int32, yScale, scale, lo, hi float32, zero int32)
}

type byteTileFunc func(k int, a *int8, b, c *uint8, ldc int, bias *int32, scale *float32, lo, hi float32, zero int32)

// goByteKernel is the portable one and the assembly's oracle.
var goByteKernel = byteKernel{name: "go", rows: 4, cols: 8}

// byteKernels lists the kernels that this machine can run, the fastest first.
func byteKernels() []*byteKernel { return append(asmByteKernels(), &goByteKernel) }

var bytesFast = byteKernels()[0]

// byteGroup is how many terms of a sum lie side by side in packed operands.
const byteGroup = 4

// multiply computes a tile of rows × cols outputs: a is k groups of rows × 4 weights, b k groups of cols × 4 inputs. Each
// row's sum gets its bias, then becomes round(sum·scale) within [lo, hi], plus zero; both bounds plus zero lie in 0 … 255.
func (bk *byteKernel) multiply(rows, k int, a []int8, b, c []uint8, ldc int, bias []int32, scale []float32, lo, hi float32, zero int32) {
	a, b, c = a[:k*rows*byteGroup], b[:k*bk.cols*byteGroup], c[:(rows-1)*ldc+bk.cols]
	bias, scale = bias[:rows], scale[:rows]
	if bk.tile != nil {
		bk.tile[rows](k, &a[0], &b[0], &c[0], ldc, &bias[0], &scale[0], lo, hi, zero)
		return
	}
	byteTileGo(rows, bk.cols, a, b, c, ldc, bias, scale, lo, hi, zero)
}

func byteTileGo(rows, cols int, a []int8, b, c []uint8, ldc int, bias []int32, scale []float32, lo, hi float32, zero int32) {
	for r := range rows {
		for j := range cols {
			sum := bias[r]
			for p, q := r*byteGroup, j*byteGroup; p < len(a); p, q = p+rows*byteGroup, q+cols*byteGroup {
				w, x := a[p:p+4:p+4], b[q:q+4:q+4]
				sum += int32(w[0])*int32(x[0]) + int32(w[1])*int32(x[1]) + int32(w[2])*int32(x[2]) + int32(w[3])*int32(x[3])
			}
			c[r*ldc+j] = roundByte(float32(sum)*scale[r], lo, hi, zero)
		}
	}
}

// roundByte bounds v to integers lo and hi, NaN to lo, rounds it to even and adds the zero point.
func roundByte(v, lo, hi float32, zero int32) uint8 {
	if !(v > lo) {
		v = lo
	}
	if v > hi {
		v = hi
	}
	return uint8(int32(math.RoundToEven(float64(v))) + zero)
}

// packBytesGo writes for each group g, at dst[g·ld …], n neighbours of four bytes: byte i of neighbour x is at
// src[g·groupPlane + plane_i + x·stride], where plane_0 is 0.
func packBytesGo(dst, src []uint8, n, stride, groups int, planes [byteGroup]int, groupPlane, ld int) {
	for g := range groups {
		to := dst[g*ld:][:byteGroup*n]
		for i, p := range planes {
			from := src[g*groupPlane+p:]
			for x := range n {
				to[byteGroup*x+i] = from[x*stride]
			}
		}
	}
}

// widen computes dst = (src − zero)·scale.
func (bk *byteKernel) widenRow(dst []float32, src []uint8, zero int32, scale float32) {
	src = src[:len(dst)]
	n := 0
	if bk.widen != nil && len(dst) >= 16 {
		n = len(dst) &^ 15
		bk.widen(&dst[0], &src[0], n, zero, scale)
	}
	widenBytesGo(dst[n:], src[n:], zero, scale)
}

func widenBytesGo(dst []float32, src []uint8, zero int32, scale float32) {
	for i := range dst {
		dst[i] = float32(int32(src[i])-zero) * scale
	}
}

// narrowRow brings sums, integers of less than 2^24, to bytes as multiply does.
func (bk *byteKernel) narrowRow(dst []uint8, src []float32, bias int32, scale, lo, hi float32, zero int32) {
	src = src[:len(dst)]
	n := 0
	if bk.narrow != nil && len(dst) >= 16 {
		n = len(dst) &^ 15
		bk.narrow(&dst[0], &src[0], n, bias, scale, lo, hi, zero)
	}
	narrowSumsGo(dst[n:], src[n:], bias, scale, lo, hi, zero)
}

func narrowSumsGo(dst []uint8, src []float32, bias int32, scale, lo, hi float32, zero int32) {
	for i := range dst {
		dst[i] = roundByte(float32(int32(src[i])+bias)*scale, lo, hi, zero)
	}
}

// quantizeRow computes round(src/scale) within [lo, hi], plus zero; NaN becomes the zero point.
func (bk *byteKernel) quantizeRow(dst []uint8, src []float32, scale, lo, hi float32, zero int32) {
	src = src[:len(dst)]
	n := 0
	if bk.quantize != nil && len(dst) >= 16 {
		n = len(dst) &^ 15
		bk.quantize(&dst[0], &src[0], n, scale, lo, hi, zero)
	}
	quantizeRowGo(dst[n:], src[n:], scale, lo, hi, zero)
}

func quantizeRowGo(dst []uint8, src []float32, scale, lo, hi float32, zero int32) {
	for i := range dst {
		v := src[i] / scale
		if v != v {
			v = 0
		}
		dst[i] = roundByte(v, lo, hi, zero)
	}
}

// ByteParams are how a tensor's numbers are stored: (stored − Zero)·Scale.
type ByteParams struct {
	Scale float32
	Zero  uint8
}

// bounds are those of stored − Zero for stored values from least to 255.
func (p ByteParams) bounds(least uint8) (lo, hi float32) {
	return float32(int32(least) - int32(p.Zero)), float32(255 - int32(p.Zero))
}

// AddBytes computes x + y element by element, stored as to says; no result is stored below least, which a Relu makes the
// zero point. All is computed as DequantizeLinear, Add and QuantizeLinear do.
func AddBytes(pool *Pool, dst, x, y []uint8, from [2]ByteParams, to ByteParams, least uint8) {
	bytesFast.addBytes(pool, dst, x, y, from, to, least)
}

func (bk *byteKernel) addBytes(pool *Pool, dst, x, y []uint8, from [2]ByteParams, to ByteParams, least uint8) {
	lo, hi := to.bounds(least)
	x, y = x[:len(dst)], y[:len(dst)]
	pool.For(ceilDiv(len(dst), byteRun), 1, func(_, first, last int) {
		a, b := first*byteRun, min(last*byteRun, len(dst))
		n := a
		if bk.add != nil && b-a >= 16 {
			n = a + (b-a)&^15
			bk.add(&dst[a], &x[a], &y[a], n-a, int32(from[0].Zero), from[0].Scale, int32(from[1].Zero), from[1].Scale, to.Scale, lo, hi, int32(to.Zero))
		}
		addBytesGo(dst[n:b], x[n:b], y[n:b], from, to, lo, hi)
	})
}

// byteRun is how many bytes a piece of work has.
const byteRun = 1 << 14

func addBytesGo(dst, x, y []uint8, from [2]ByteParams, to ByteParams, lo, hi float32) {
	for i := range dst {
		p := float32(int32(x[i])-int32(from[0].Zero)) * from[0].Scale
		q := float32(int32(y[i])-int32(from[1].Zero)) * from[1].Scale
		dst[i] = roundByte((p+q)/to.Scale, lo, hi, int32(to.Zero))
	}
}

// QuantizeBytes is Quantize for one scale and uint8.
func QuantizeBytes(pool *Pool, dst []uint8, x []float32, to ByteParams) {
	lo, hi := to.bounds(0)
	pool.For(ceilDiv(len(dst), byteRun), 1, func(_, first, last int) {
		a, b := first*byteRun, min(last*byteRun, len(dst))
		bytesFast.quantizeRow(dst[a:b], x[a:b], to.Scale, lo, hi, int32(to.Zero))
	})
}

// DequantizeBytes is Dequantize for one scale and uint8.
func DequantizeBytes(pool *Pool, dst []float32, x []uint8, from ByteParams) {
	pool.For(ceilDiv(len(dst), byteRun), 1, func(_, first, last int) {
		a, b := first*byteRun, min(last*byteRun, len(dst))
		bytesFast.widenRow(dst[a:b], x[a:b], int32(from.Zero), from.Scale)
	})
}

// MapBytes looks every element up in a table: what a function of one number comes to, stored as bytes before and behind.
func MapBytes(pool *Pool, dst, src []uint8, table *[256]uint8) {
	src = src[:len(dst)]
	pool.For(ceilDiv(len(dst), byteRun), 1, func(_, first, last int) {
		a, b := first*byteRun, min(last*byteRun, len(dst))
		for i, v := range src[a:b] {
			dst[a+i] = table[v]
		}
	})
}
