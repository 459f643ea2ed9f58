package kernel

import "math"

//go:generate go run ./asm -family gemm -out gemm_amd64.s -stubs gemm_stub_amd64.go
//go:generate go run ./asm -family im2col -out im2col_amd64.s -stubs im2col_stub_amd64.go
//go:generate go run ./asm -family depthwise -out depthwise_amd64.s -stubs depthwise_stub_amd64.go

// microKernel multiplies one panel of A (up to rows high) by one panel of B (exactly cols wide) into a tile of C. All
// matrix products and convolutions of float32 end here. An implementation sums each element of C over k in rising
// order into one accumulator, so that the result does not depend on how callers cut the rows, the columns or (with
// accumulate) k.
type microKernel struct {
	name       string
	rows, cols int
	// Assembly for the same instruction set; all nil for the portable one.
	asm      []tileFunc                        // by number of rows
	copy     copyFunc                          // see copyLanes
	second   copyFunc                          // see floatPixels.load
	row      rowFunc                           // see depthwiseRow
	square   [6]struct{ one, four squareFunc } // by kernel size; see flatPlan.squareRows
	winograd *winogradAsm
}

// tileFunc is the signature of the assembly, see microKernel.tile; ldb and ldc count elements.
type tileFunc func(k int, a, b *float32, ldb int, c *float32, ldc int, bias *float32, lo, hi float32, flags int)

// copyFunc and rowFunc are the signatures of further assembly; all counts are elements and at least 1.
type (
	copyFunc func(dst, src *float32, n, rows, ld, plane int)
	rowFunc  func(dst, src *float32, n int, offsets *int, weights *float32, taps int, bias, lo, hi float32)

	squareFunc func(dst, src *float32, n, dstLd, srcLd int, weights *float32, bias, lo, hi float32)
)

// Flags of tileFunc.
const (
	accumulate = 1 << iota // start from C's contents, not from zero
	finish                 // add the rows' bias and clamp, after the last k
)

// Epilogue is what is done to each element of a product after its sum is complete: the row's bias is added, then the
// result is clamped to [Lo, Hi]. A NaN stays NaN.
type Epilogue struct {
	Bias   []float32 // one per row of C; nil is none
	Lo, Hi float32
}

// NoClamp is the Epilogue that changes nothing.
func NoClamp(bias []float32) Epilogue {
	return Epilogue{Bias: bias, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))}
}

// micro is the fastest micro-kernel of this machine.
var micro = func() *microKernel {
	if list := asmMicroKernels(); len(list) > 0 {
		return list[0]
	}
	return &goMicroKernel
}()

// microKernels lists every micro-kernel that this machine can run, the fastest first.
func microKernels() []*microKernel { return append(asmMicroKernels(), &goMicroKernel) }

// goMicroKernel is the portable one and the assembly's oracle.
var goMicroKernel = microKernel{name: "go", rows: 4, cols: 16}

// tile computes C = A·B, or C += A·B with accumulate, for rows×mk.cols elements of C; a is k columns of rows elements
// each, b k rows of mk.cols elements each, c has row stride ldc. With finish, the epilogue follows; bias then has at
// least rows elements.
func (mk *microKernel) tile(rows, k int, a, b, c []float32, ldc int, bias []float32, lo, hi float32, flags int) {
	a, b, c = a[:k*rows], b[:k*mk.cols], c[:(rows-1)*ldc+mk.cols]
	bias = bias[:rows]
	if mk.asm != nil {
		mk.asm[rows](k, &a[0], &b[0], mk.cols, &c[0], ldc, &bias[0], lo, hi, flags)
		return
	}
	tileGo(rows, k, a, b, c, ldc, bias, lo, hi, flags)
}

// tileGo is tile in portable Go, for any width of B's panel that is a multiple of 4. It works on strips of four rows by
// two columns, or one row by four columns: their accumulators stay in registers.
func tileGo(rows, k int, a, b, c []float32, ldc int, bias []float32, lo, hi float32, flags int) {
	cols := len(b) / k
	if rows == 4 {
		for j := 0; j < cols; j += 2 {
			strip4x2(cols, a, b[j:], c[j:], ldc, flags)
		}
	} else {
		for i := range rows {
			for j := 0; j < cols; j += 4 {
				strip1x4(rows, cols, a[i:], b[j:], c[i*ldc+j:], flags)
			}
		}
	}
	if flags&finish == 0 {
		return
	}
	for i := range rows {
		clampRow(c[i*ldc:][:cols], bias[i], lo, hi)
	}
}

// clampRow adds bias to each element of a row and clamps it, as Epilogue says.
func clampRow(row []float32, bias, lo, hi float32) {
	for j, v := range row {
		v += bias
		if v < lo {
			v = lo
		}
		if v > hi {
			v = hi
		}
		row[j] = v
	}
}

// strip4x2 is four rows (all of a's panel) by two columns of tileGo.
func strip4x2(ldb int, a, b, c []float32, ldc, flags int) {
	r0, r1, r2, r3 := c[:2], c[ldc:][:2], c[2*ldc:][:2], c[3*ldc:][:2]
	var w0, w1, x0, x1, y0, y1, z0, z1 float32
	if flags&accumulate != 0 {
		w0, w1, x0, x1 = r0[0], r0[1], r1[0], r1[1]
		y0, y1, z0, z1 = r2[0], r2[1], r3[0], r3[1]
	}
	for i, j := 0, 0; i+4 <= len(a); i, j = i+4, j+ldb {
		p, q := (*[4]float32)(a[i:i+4]), (*[2]float32)(b[j:])
		u, v := q[0], q[1]
		w0 += u * p[0]
		w1 += v * p[0]
		x0 += u * p[1]
		x1 += v * p[1]
		y0 += u * p[2]
		y1 += v * p[2]
		z0 += u * p[3]
		z1 += v * p[3]
	}
	r0[0], r0[1], r1[0], r1[1] = w0, w1, x0, x1
	r2[0], r2[1], r3[0], r3[1] = y0, y1, z0, z1
}

// strip1x4 is one row by four columns of tileGo.
func strip1x4(lda, ldb int, a, b, c []float32, flags int) {
	c = c[:4]
	var x0, x1, x2, x3 float32
	if flags&accumulate != 0 {
		x0, x1, x2, x3 = c[0], c[1], c[2], c[3]
	}
	for i, j := 0, 0; i < len(a); i, j = i+lda, j+ldb {
		u, q := a[i], (*[4]float32)(b[j:])
		x0 += u * q[0]
		x1 += u * q[1]
		x2 += u * q[2]
		x3 += u * q[3]
	}
	c[0], c[1], c[2], c[3] = x0, x1, x2, x3
}
