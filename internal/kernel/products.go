package kernel

//go:generate go run ./asm -family pack -out pack_amd64.s -stubs pack_stub_amd64.go

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
	w.panels = grown(w.panels, m*depth+packSlack)
	w.block = grown(w.block, width*depth)
	w.edge = grown(w.edge, mk.tileSize())
	for k0 := 0; k0 < k; k0 += blockK {
		kn := min(blockK, k-k0)
		w.packRows(mk, m, kn)
		w.packA(mk, a.Data[k0*a.Col:], a.Row, a.Col)
		flags := 0
		if add || k0 > 0 {
			flags = accumulate
		}
		rows, j0 := &w.rows, 0
		if mk.inPlace(rows.count, b) {
			j0 = n / mk.cols * mk.cols
			mk.multiplyInPlace(dst, ld, rows, b.Data[k0*b.Row:], b.Row, j0, flags)
		}
		for ; j0 < n; j0 += width {
			cols := min(width, n-j0)
			mk.packB(w.block, b.Data[k0*b.Row+j0*b.Col:], kn, cols, b.Row, b.Col)
			mk.multiply(dst[j0:], ld, rows, 0, rows.count, []run{{n: kn}}, w.block, kn, cols, 0, 0, flags, w.edge)
		}
	}
}

// inPlacePanels is how many panels of A at most read B as it lies. For more, packing B once is cheaper than reading far
// apart rows so often.
const inPlacePanels = 4

// inPlace reports whether B need not be packed: its rows are contiguous, and not a multiple of a page apart, which would
// make them fall into the same few places of the caches.
func (mk *microKernel) inPlace(panels int, b Matrix[float32]) bool {
	const page = 1024
	return mk.asm != nil && b.Col == 1 && panels <= inPlacePanels && (b.Row+cacheLine)%page > 2*cacheLine
}

// multiplyInPlace is multiply for n columns, a multiple of the micro-kernel's, of a B with contiguous rows.
func (mk *microKernel) multiplyInPlace(dst []float32, ld int, a *packedRows, b []float32, row, n, flags int) {
	for j := 0; j < n; j += mk.cols {
		from := b[j : (a.k-1)*row+j+mk.cols]
		for p := range a.count {
			at, rows := a.start(p), a.rows(p)
			to := dst[at*ld+j:][:(rows-1)*ld+mk.cols]
			mk.asm[rows](a.k, &a.data[at*a.k], &from[0], row, &to[0], ld, &a.bias[at], 0, 0, flags)
		}
	}
}

// packSlack is what packTransposed may write behind a panel.
const packSlack = 16

// packA is packPanels for the common layouts: contiguous rows are transposed by blocks, contiguous columns copied.
func (w *gemmWorker) packA(mk *microKernel, a []float32, rowStride, colStride int) {
	r := &w.rows
	for i := range r.count {
		at, rows := r.start(i), r.panels.rows(i)
		dst, src := w.panels[at*r.k:][:rows*r.k+packSlack], a[at*rowStride:]
		switch {
		case colStride == 1 && transposes(rows, r.k):
			src = src[:(rows-1)*rowStride+r.k]
			trainFast.transpose(&dst[0], &src[0], rows, r.k, rows, rowStride)
		case rowStride == 1:
			mk.copyLanes(dst, src, rows, r.k, rows, colStride)
		default:
			packPanel(dst, src, rows, r.k, rowStride, colStride)
		}
	}
}

// packB is packCols for the common layouts, with panels of as many rows as there are. Lanes behind the last column may be
// overwritten.
func (mk *microKernel) packB(dst, b []float32, k, n, rowStride, colStride int) {
	for j := 0; j < n; j += mk.cols {
		w, panel, src := min(mk.cols, n-j), dst[j*k:][:k*mk.cols], b[j*colStride:]
		switch {
		case rowStride == 1 && transposes(1, k) && mk.cols%trainFast.lanes == 0:
			for c := 0; c < w; c += trainFast.lanes {
				count := min(trainFast.lanes, w-c)
				from := src[c*colStride:][:(count-1)*colStride+k]
				trainFast.transpose(&panel[c], &from[0], count, k, mk.cols, colStride)
			}
		case colStride == 1:
			mk.copyLanes(panel, src, w, k, mk.cols, rowStride)
		default:
			packCols(panel, src, k, w, mk.cols, k, rowStride, colStride)
		}
	}
}

// transposes reports whether there is assembly that transposes rows of k elements.
func transposes(rows, k int) bool {
	return trainFast != nil && rows <= trainFast.lanes && k >= trainFast.lanes
}

// grown gives a slice of n elements with arbitrary contents, s itself if it is long enough.
func grown(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

func multiplyGo[T Float](dst []T, ld, m, n, k int, a, b Matrix[T], add bool) {
	if a.Col == 1 && b.Row == 1 && k > 0 {
		multiplyDots(dst, ld, m, n, k, a, b, add)
		return
	}
	for i := range m {
		row := dst[i*ld:][:n]
		if !add {
			clear(row)
		}
		for l := range k {
			x := a.Data[i*a.Row+l*a.Col]
			at := l * b.Row
			if b.Col == 1 {
				for j, v := range b.Data[at:][:n] {
					row[j] += x * v
				}
				continue
			}
			for j := range row {
				row[j] += x * b.Data[at]
				at += b.Col
			}
		}
	}
}

// multiplyDots is multiplyGo where rows of a and columns of b are contiguous: four sums at a time, each in the same order.
func multiplyDots[T Float](dst []T, ld, m, n, k int, a, b Matrix[T], add bool) {
	for i := range m {
		row, x := dst[i*ld:][:n], a.Data[i*a.Row:][:k]
		if !add {
			clear(row)
		}
		j := 0
		for ; j+4 <= n; j += 4 {
			y0, y1, y2, y3 := b.Data[j*b.Col:][:k], b.Data[(j+1)*b.Col:][:k], b.Data[(j+2)*b.Col:][:k], b.Data[(j+3)*b.Col:][:k]
			s0, s1, s2, s3 := row[j], row[j+1], row[j+2], row[j+3]
			for l, v := range x {
				s0 += v * y0[l]
				s1 += v * y1[l]
				s2 += v * y2[l]
				s3 += v * y3[l]
			}
			row[j], row[j+1], row[j+2], row[j+3] = s0, s1, s2, s3
		}
		for ; j < n; j++ {
			s := row[j]
			for l, v := range b.Data[j*b.Col:][:k] {
				s += x[l] * v
			}
			row[j] = s
		}
	}
}
