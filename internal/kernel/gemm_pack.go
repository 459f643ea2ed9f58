package kernel

import "autodeeplab/internal/offheap"

// blockK is how many rows of B are packed and multiplied at a time: a panel of A of that depth (14 × 256 float32, 14 KiB)
// stays in the first-level cache while panels of B stream past it.
const blockK = 256

// exactTerms is how many products of 8-bit integers less their zero points, each up to 255² in size, float32 adds up
// without rounding. Integer products rely on blocks being no longer, which this makes the compiler check.
const exactTerms = (1 << 24) / (255 * 255)

const _ = uint(exactTerms - blockK)

// Pixel is a numeric type that panels are packed from. 8-bit integers have a zero point subtracted; the differences and
// blockK of their products are exact in float32.
type Pixel interface{ float32 | int8 | uint8 }

// panels cuts m rows of A into the fewest panels of at most mk.rows rows, whose heights differ by at most one: no panel
// is padded, and none is so low that the micro-kernel starves.
type panels struct{ m, count, base, extra int }

func cutPanels(m, height int) panels {
	n := (m + height - 1) / height
	if n == 0 {
		return panels{}
	}
	return panels{m: m, count: n, base: m / n, extra: m % n}
}

// start is the first row of panel i; start(count) is m.
func (p panels) start(i int) int { return i*p.base + min(i, p.extra) }

func (p panels) rows(i int) int {
	if i < p.extra {
		return p.base + 1
	}
	return p.base
}

// packedRows is a matrix A, m×k, as the micro-kernel reads it: panel after panel, in each the k columns one after
// another. bias holds m elements, zeros if there is none.
type packedRows struct {
	panels
	k      int
	data   []float32
	bias   []float32
	memory *offheap.Block // data's, if it has one
}

// packRows packs A with element (i, l) at a[i*rowStride+l*colStride].
func packRows(mk *microKernel, a []float32, m, k, rowStride, colStride int, bias []float32) *packedRows {
	memory := offheap.New(4 * m * k)
	p := &packedRows{panels: cutPanels(m, mk.rows), k: k, data: memory.Floats(), bias: make([]float32, m), memory: memory}
	copy(p.bias, bias)
	for i := range p.count {
		at, rows := p.start(i), p.rows(i)
		packPanel(p.data[at*k:], a[at*rowStride:], rows, k, rowStride, colStride)
	}
	return p
}

// packPanel packs a panel of A: dst[l*rows+r] = a[r*rowStride+l*colStride].
func packPanel[T Pixel](dst []float32, a []T, rows, k, rowStride, colStride int) {
	for r := range rows {
		to := r
		if colStride == 1 {
			for _, v := range a[r*rowStride:][:k] {
				dst[to] = float32(v)
				to += rows
			}
			continue
		}
		at := r * rowStride
		for range k {
			dst[to] = float32(a[at])
			to += rows
			at += colStride
		}
	}
}

// packCols packs n columns and k rows of B as panels of width columns: dst[q*ld*width + l*width + j] is element
// (l, q*width+j). Lanes past n are left as they are.
func packCols[T Pixel](dst []float32, b []T, k, n, width, ld, rowStride, colStride int) {
	for q := 0; q*width < n; q++ {
		panel := dst[q*ld*width:]
		w := min(width, n-q*width)
		if colStride == 1 {
			for l := range k {
				convert(panel[l*width:][:w], b[q*width+l*rowStride:])
			}
			continue
		}
		for j := range w {
			at := (q*width + j) * colStride
			for l := range k {
				panel[l*width+j] = float32(b[at])
				at += rowStride
			}
		}
	}
}

// convert copies len(dst) elements; for float32 it is copy.
func convert[T Pixel](dst []float32, src []T) {
	if f, ok := any(src).([]float32); ok {
		copy(dst, f)
		return
	}
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// run says that rows [at, at+n) of a packed block of B belong to columns [k, k+n) of A.
type run struct{ k, at, n int }

// multiply computes C = A·B, or C += A·B with accumulate, for panels [p0, p1) of A and the n columns of B that block
// holds, each of its panels ld rows long. c[0] is the element of panel p0's first row and the block's first column.
// With finish the epilogue follows. edge is scratch for one tile.
func (mk *microKernel) multiply(c []float32, ldc int, a *packedRows, p0, p1 int, runs []run, block []float32, ld, n int, lo, hi float32, flags int, edge []float32) {
	for p := p0; p < p1; p++ {
		at, rows := a.start(p), a.rows(p)
		ap, bias := a.data[at*a.k:][:rows*a.k], a.bias[at:][:rows]
		for j := 0; j < n; j += mk.cols {
			bp := block[j*ld:]
			dst, stride, w := c[(at-a.start(p0))*ldc+j:], ldc, min(mk.cols, n-j)
			if w < mk.cols {
				if flags&accumulate != 0 {
					copyRows(edge, mk.cols, dst, ldc, rows, w)
				}
				dst, stride = edge, mk.cols
			}
			f := flags & accumulate
			for i, r := range runs {
				if i == len(runs)-1 {
					f |= flags & finish
				}
				mk.tile(rows, r.n, ap[r.k*rows:], bp[r.at*mk.cols:], dst, stride, bias, lo, hi, f)
				f |= accumulate
			}
			if w < mk.cols {
				copyRows(c[(at-a.start(p0))*ldc+j:], ldc, edge, mk.cols, rows, w)
			}
		}
	}
}

// copyRows copies rows of w elements between two row strides.
func copyRows(dst []float32, dstStride int, src []float32, srcStride, rows, w int) {
	for r := range rows {
		copy(dst[r*dstStride:][:w], src[r*srcStride:][:w])
	}
}

// tileSize is the scratch for one tile that hangs over the edge of C.
func (mk *microKernel) tileSize() int { return mk.rows * mk.cols }

// cutColumns gives the width of the tiles that n columns of C, m high, are worked in, a multiple of the micro-kernel's.
// The tile of C and its block of B, k rows deep, share 256 KiB, half of a small second-level cache; yet a tile is not so
// narrow that cutting it out costs more than multiplying, nor so wide that too few are left to share out. The width
// depends on the sizes alone, not on the number of threads.
func (mk *microKernel) cutColumns(m, n, k int) int {
	const cacheElems = 1 << 16
	w := min(max(cacheElems/(m+k), 128), 1024)
	w = min(w, max(n/8, 128))
	return roundUp(w, mk.cols)
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

func ceilDiv(n, d int) int { return (n + d - 1) / d }

// shareRows gives into how many chunks the panels of A are cut besides the tiles of columns, so that every thread finds
// work. Each chunk packs B again, so chunks keep at least four panels.
func shareRows(tasks, panels, threads int) int {
	chunks := 1
	for threads > 1 && tasks*chunks < 4*threads && panels/(2*chunks) >= 4 {
		chunks *= 2
	}
	return chunks
}
