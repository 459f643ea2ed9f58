package kernel

import "sync"

// Operand is one matrix, or several with the same layout: element (i, j) of the p-th one is
// Data[Offsets[p] + i*RowStride + j*ColStride]. Swapping the strides transposes it.
type Operand[T any] struct {
	Data                 []T
	Offsets              []int
	RowStride, ColStride int
}

// PackedCols is a right operand B of k×n, laid out once for many products.
type PackedCols struct {
	mk   *microKernel
	k, n int
	data []float32
}

// PackCols packs the first matrix of b, of k rows and n columns.
func PackCols(b Operand[float32], k, n int) *PackedCols { return packColsFor(micro, b, k, n) }

func packColsFor(mk *microKernel, b Operand[float32], k, n int) *PackedCols {
	p := &PackedCols{mk: mk, k: k, n: n, data: make([]float32, k*roundUp(n, mk.cols))}
	packCols(p.data, b.Data[b.Offsets[0]:], k, n, mk.cols, k, b.RowStride, b.ColStride)
	return p
}

// GemmScratch is the length of the scratch memory that Gemm and GemmInteger want for so many products of m×k by k×n.
func GemmScratch(pool *Pool, products, m, n, k int) int {
	return pool.Threads() * newGemmTiling(micro, m, n, k, products, pool.Threads()).scratch()
}

// Gemm computes dst = A·B for each pair of matrices in a and b: dst holds len(a.Offsets) row-major matrices of m×n, one
// after another. Where packed is not nil it stands for every matrix of b, and b is not looked at.
// Each element is one sum over k in rising order, whatever the number of threads.
func Gemm(pool *Pool, scratch, dst []float32, m, n, k int, a, b Operand[float32], packed *PackedCols) {
	gemmWith(micro, pool, scratch, dst, m, n, k, a, b, packed)
}

func gemmWith(mk *microKernel, pool *Pool, scratch, dst []float32, m, n, k int, a, b Operand[float32], packed *PackedCols) {
	dst = dst[:len(a.Offsets)*m*n]
	if k == 0 || len(dst) == 0 {
		clear(dst)
		return
	}
	t := newGemmTiling(mk, m, n, k, len(a.Offsets), pool.Threads())
	t.each(pool, scratch, func(w *gemmWorker, p, i0, rows, j0, cols int) {
		c := dst[p*m*n+i0*n+j0:]
		flags := 0
		for k0 := 0; k0 < k; k0 += blockK {
			kn := min(blockK, k-k0)
			w.packRows(mk, rows, kn)
			packPanels(w, a.Data[a.Offsets[p]+i0*a.RowStride+k0*a.ColStride:], a.RowStride, a.ColStride)
			block, ld := w.block, kn
			if packed != nil {
				block, ld = packed.data[j0*k+k0*mk.cols:], k
			} else {
				packCols(block, b.Data[b.Offsets[p]+k0*b.RowStride+j0*b.ColStride:], kn, cols, mk.cols, kn, b.RowStride, b.ColStride)
			}
			mk.multiply(c, n, &w.rows, 0, w.rows.count, []run{{n: kn}}, block, ld, cols, 0, 0, flags, w.edge)
			flags = accumulate
		}
	})
}

// ZeroPoints are what is subtracted from an integer operand: for row i of A, or column i of B, of the p-th product it is
// Values[Offsets[p] + i*Stride]. No Offsets are zeros, and no Values subtract nothing.
type ZeroPoints struct {
	Values  []int32
	Offsets []int
	Stride  int
}

func (z *ZeroPoints) at(product, member int) float32 {
	if len(z.Values) == 0 {
		return 0
	}
	i := member * z.Stride
	if len(z.Offsets) > 0 {
		i += z.Offsets[product]
	}
	return float32(z.Values[i])
}

// GemmInteger computes dst = (A − za)·(B − zb) for 8-bit A and B, in 32-bit integers that wrap around. za has a member
// for each row of A, zb one for each column of B; both lie within the range of their operand's type.
//
// It works on the float32 micro-kernels: over a block of up to blockK terms every partial sum is an integer of at most
// 2^24, which float32 holds exactly (see exactTerms); blocks are added up as integers.
func GemmInteger[A, B int8 | uint8](pool *Pool, scratch []float32, dst []int32, m, n, k int, a Operand[A], b Operand[B], za, zb ZeroPoints) {
	gemmIntegerWith(micro, pool, scratch, dst, m, n, k, a, b, za, zb)
}

func gemmIntegerWith[A, B int8 | uint8](mk *microKernel, pool *Pool, scratch []float32, dst []int32, m, n, k int, a Operand[A], b Operand[B], za, zb ZeroPoints) {
	dst = dst[:len(a.Offsets)*m*n]
	clear(dst)
	if k == 0 || len(dst) == 0 {
		return
	}
	t := newGemmTiling(mk, m, n, k, len(a.Offsets), pool.Threads())
	t.each(pool, scratch, func(w *gemmWorker, p, i0, rows, j0, cols int) {
		for k0 := 0; k0 < k; k0 += blockK {
			kn := min(blockK, k-k0)
			w.packRows(mk, rows, kn)
			packPanels(w, a.Data[a.Offsets[p]+i0*a.RowStride+k0*a.ColStride:], a.RowStride, a.ColStride)
			for i := range w.rows.count {
				at, h := w.rows.start(i), w.rows.rows(i)
				for r := range h {
					subtract(w.rows.data[at*kn+r:][:(kn-1)*h+1], h, za.at(p, i0+at+r))
				}
			}
			packCols(w.block, b.Data[b.Offsets[p]+k0*b.RowStride+j0*b.ColStride:], kn, cols, mk.cols, kn, b.RowStride, b.ColStride)
			for j := range cols {
				q, lane := j/mk.cols, j%mk.cols
				subtract(w.block[q*mk.cols*kn+lane:][:(kn-1)*mk.cols+1], mk.cols, zb.at(p, j0+j))
			}
			mk.multiply(w.tile, cols, &w.rows, 0, w.rows.count, []run{{n: kn}}, w.block, kn, cols, 0, 0, 0, w.edge)
			for i := range rows {
				addInts(dst[p*m*n+(i0+i)*n+j0:][:cols], w.tile[i*cols:])
			}
		}
	})
}

// subtract takes z from every stride-th element.
func subtract(s []float32, stride int, z float32) {
	if z == 0 {
		return
	}
	for i := 0; i < len(s); i += stride {
		s[i] -= z
	}
}

// addInts adds the integers that src holds.
func addInts(dst []int32, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += int32(v)
	}
}

// gemmTiling cuts products into tiles, the tasks that threads share.
type gemmTiling struct {
	mk                  *microKernel
	m, n, k, products   int
	tileRows, tileCols  int
	rowTiles, colTiles  int
	blockLen, panelsLen int
	tileLen, edgeLen    int
	threads             int
}

func newGemmTiling(mk *microKernel, m, n, k, products, threads int) *gemmTiling {
	t := &gemmTiling{mk: mk, m: m, n: n, k: k, products: products, threads: threads}
	kn := min(k, blockK)
	t.tileRows = min(8*mk.rows, m)
	// Every column tile packs its rows of A again, so tiles are wide as long as there are enough for the threads.
	t.rowTiles, t.tileCols = ceilDiv(m, max(t.tileRows, 1)), 512
	for t.tileCols > 128 && products*t.rowTiles*ceilDiv(n, t.tileCols) < 4*threads {
		t.tileCols /= 2
	}
	t.tileCols = min(t.tileCols, roundUp(n, mk.cols))
	t.colTiles = ceilDiv(n, max(t.tileCols, 1))
	t.panelsLen = roundUp(t.tileRows*kn, cacheLine)
	t.blockLen = roundUp(t.tileCols*kn, cacheLine)
	t.tileLen = roundUp(t.tileRows*t.tileCols, cacheLine)
	t.edgeLen = roundUp(mk.tileSize(), cacheLine)
	return t
}

// cacheLine is in float32; pieces of scratch begin at multiples of it.
const cacheLine = 16

// scratch is what one thread wants.
func (t *gemmTiling) scratch() int { return t.panelsLen + t.blockLen + t.tileLen + t.edgeLen }

// gemmWorker is what one thread works in.
type gemmWorker struct {
	rows              packedRows
	panels            []float32
	block, tile, edge []float32
}

// packRows prepares for a panel set of the given height and depth.
func (w *gemmWorker) packRows(mk *microKernel, rows, k int) {
	w.rows.panels, w.rows.k, w.rows.data = cutPanels(rows, mk.rows), k, w.panels[:rows*k]
	if len(w.rows.bias) < rows {
		w.rows.bias = make([]float32, rows)
	}
}

// packPanels fills w.rows from A.
func packPanels[T Pixel](w *gemmWorker, a []T, rowStride, colStride int) {
	r := &w.rows
	for i := range r.count {
		at, rows := r.start(i), r.panels.rows(i)
		packPanel(r.data[at*r.k:], a[at*rowStride:], rows, r.k, rowStride, colStride)
	}
}

var gemmWorkers = sync.Pool{New: func() any { return new(gemmWorker) }}

// each calls body for every tile: rows [i0, i0+rows) and columns [j0, j0+cols) of product p. scratch may be short or
// nil; then memory is allocated.
func (t *gemmTiling) each(pool *Pool, scratch []float32, body func(w *gemmWorker, p, i0, rows, j0, cols int)) {
	if need := t.threads * t.scratch(); len(scratch) < need {
		scratch = make([]float32, need)
	}
	tiles := t.rowTiles * t.colTiles
	pool.For(t.products*tiles, 1, func(worker, lo, hi int) {
		w := gemmWorkers.Get().(*gemmWorker)
		s := scratch[worker*t.scratch():]
		w.panels, s = s[:t.panelsLen], s[t.panelsLen:]
		w.block, s = s[:t.blockLen], s[t.blockLen:]
		w.tile, s = s[:t.tileLen], s[t.tileLen:]
		w.edge = s[:t.edgeLen]
		for task := lo; task < hi; task++ {
			p, tile := task/tiles, task%tiles
			i0, j0 := tile/t.colTiles*t.tileRows, tile%t.colTiles*t.tileCols
			body(w, p, i0, min(t.tileRows, t.m-i0), j0, min(t.tileCols, t.n-j0))
		}
		w.panels, w.block, w.tile, w.edge, w.rows.data = nil, nil, nil, nil, nil
		gemmWorkers.Put(w)
	})
}
