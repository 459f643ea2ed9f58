package kernel

// Matrix is a matrix in a slice: element (i, j) is Data[i*Row+j*Col]. Swapping Row and Col transposes it.
type Matrix[T any] struct {
	Data     []T
	Row, Col int
}

// Products multiplies matrices in one thread. It is the scratch memory of one worker, kept between calls; the zero value
// is ready for use.
type Products[T Float] struct {
	w gemmWorker
}

// productCols is how many columns of B are packed at a time.
const productCols = 512

// Multiply computes dst[i*ld+j] = Σ_l a(i,l)·b(l,j) for a of m×k and b of k×n, or adds that to dst. Each element is one
// sum over l in rising order. dst must not overlap a or b.
func (p *Products[T]) Multiply(dst []T, ld, m, n, k int, a, b Matrix[T], add bool) {
	d, ok := any(dst).([]float32)
	if !ok || m == 0 || n == 0 || k == 0 {
		multiplyGo(dst, ld, m, n, k, a, b, add)
		return
	}
	p.multiply(micro, d, ld, m, n, k, any(a).(Matrix[float32]), any(b).(Matrix[float32]), add)
}

func (p *Products[T]) multiply(mk *microKernel, dst []float32, ld, m, n, k int, a, b Matrix[float32], add bool) {
	w := &p.w
	depth, width := min(k, blockK), min(productCols, roundUp(n, mk.cols))
	w.panels = grown(w.panels, m*depth)
	w.block = grown(w.block, width*depth)
	w.edge = grown(w.edge, mk.tileSize())
	for k0 := 0; k0 < k; k0 += blockK {
		kn := min(blockK, k-k0)
		w.packRows(mk, m, kn)
		packPanels(w, a.Data[k0*a.Col:], a.Row, a.Col)
		flags := 0
		if add || k0 > 0 {
			flags = accumulate
		}
		for j0 := 0; j0 < n; j0 += width {
			cols := min(width, n-j0)
			packCols(w.block, b.Data[k0*b.Row+j0*b.Col:], kn, cols, mk.cols, kn, b.Row, b.Col)
			mk.multiply(dst[j0:], ld, &w.rows, 0, w.rows.count, []run{{n: kn}}, w.block, kn, cols, 0, 0, flags, w.edge)
		}
	}
}

// grown gives a slice of n elements with arbitrary contents, s itself if it is long enough.
func grown(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

func multiplyGo[T Float](dst []T, ld, m, n, k int, a, b Matrix[T], add bool) {
	for i := range m {
		row := dst[i*ld:][:n]
		if !add {
			clear(row)
		}
		for l := range k {
			x := a.Data[i*a.Row+l*a.Col]
			at := l * b.Row
			for j := range row {
				row[j] += x * b.Data[at]
				at += b.Col
			}
		}
	}
}
