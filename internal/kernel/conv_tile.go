package kernel

import (
	"runtime"
	"sync"
)

// Convolution as a matrix product: for each image and group, C [Out/Groups, pixels] = A [Out/Groups, taps·In/Groups] ·
// B, where column j of B holds the input elements under the kernel at output pixel j. B never exists as a whole: a task
// takes a tile of C's columns and packs, block after block, the rows of B that meet an image (im2col, fused into the
// packing). Taps that lie in the padding for all of a tile are left out of both A and B.

// pixels is an input tensor that tiles are packed from.
type pixels interface {
	// load copies for each of channels planes the n elements at, at+stride, … to dst; from plane to plane dst moves by
	// ld and the input by plane elements.
	load(dst []float32, ld, n, at, stride, channels, plane int)
}

// floatPixels is an input of float32.
type floatPixels struct {
	mk  *microKernel
	src []float32
}

func (f floatPixels) load(dst []float32, ld, n, at, stride, channels, plane int) {
	if stride == 1 {
		f.mk.copyLanes(dst[:(channels-1)*ld+n], f.src[at:at+(channels-1)*plane+n], n, channels, ld, plane)
		return
	}
	if stride == 2 && f.mk.second != nil {
		from, to := f.src[at:at+(channels-1)*plane+2*n-1], dst[:(channels-1)*ld+n]
		f.mk.second(&to[0], &from[0], n, channels, ld, plane)
		return
	}
	for c := range channels {
		from, row := f.src[at+c*plane:][:(n-1)*stride+1], dst[c*ld:][:n]
		for i, k := 0, 0; i < len(row) && k < len(from); i, k = i+1, k+stride {
			row[i] = from[k]
		}
	}
}

// copyLanes copies rows of n elements, one panel's width or less, from row stride plane to row stride ld.
func (mk *microKernel) copyLanes(dst, src []float32, n, rows, ld, plane int) {
	if mk.copy != nil {
		_, _ = dst[(rows-1)*ld+n-1], src[(rows-1)*plane+n-1]
		mk.copy(&dst[0], &src[0], n, rows, ld, plane)
		return
	}
	copyRows(dst, ld, src, plane, rows, n)
}

// convSink takes tiles of C that do not go straight to the output tensor.
type convSink interface {
	// take gets rows [m0, m0+rows) of a group's channels and columns [j0, j0+cols), row-major with stride cols, and may
	// overwrite them. In blocks (see blockwise) only first and last tell where the sum over k stands.
	take(w *convWorker, image, group, m0, rows, j0, cols int, first, last bool)
	// blockwise asks for the sum of each block of k apart, without epilogue, instead of the whole sum with it.
	blockwise() bool
}

// convTiling is how one run is cut into tasks: for each image and group, chunks of A's panels times tiles of columns.
type convTiling struct {
	mk        *microKernel
	p         *ConvParams
	s         *ConvShape
	rank      int
	inPlane   int // pixels of one channel
	outPlane  int
	leadTaps  int // taps over all axes but the last
	panels    panels
	blockRows int // rows of B packed at a time
	tileCols  int
	colTiles  int
	chunks    int
	threads   int
	staged    bool
}

func newConvTiling(mk *microKernel, p *ConvParams, s *ConvShape, staged bool, threads int) *convTiling {
	rank := len(p.Kernel)
	t := &convTiling{mk: mk, p: p, s: s, rank: rank, inPlane: product(s.In), outPlane: product(s.Out),
		leadTaps: product(p.Kernel[:rank-1]), panels: cutPanels(p.Out/p.Groups, mk.rows), threads: threads, staged: staged}
	t.blockRows = min(blockK, p.Taps()*(p.In/p.Groups))
	t.tileCols = min(mk.cutColumns(p.Out/p.Groups, t.outPlane, t.blockRows), roundUp(t.outPlane, mk.cols))
	t.colTiles = ceilDiv(t.outPlane, max(t.tileCols, 1))
	t.chunks = shareRows(s.Batch*p.Groups*t.colTiles, t.panels.count, threads)
	return t
}

func (t *convTiling) blockLen() int { return roundUp(t.blockRows*t.tileCols, cacheLine) }

// chunk gives the panels of A that chunk i works on.
func (t *convTiling) chunk(i int) (p0, p1 int) {
	return i * t.panels.count / t.chunks, (i + 1) * t.panels.count / t.chunks
}

// stageLen is the scratch for a tile of C on its way to a sink.
func (t *convTiling) stageLen() int {
	if !t.staged {
		return 0
	}
	return roundUp(ceilDiv(t.panels.count, t.chunks)*t.mk.rows*t.tileCols, cacheLine)
}

// scratch is what one thread wants.
func (t *convTiling) scratch() int {
	return t.blockLen() + t.stageLen() + roundUp(t.mk.tileSize(), cacheLine)
}

// convRun is one run of a convolution.
type convRun struct {
	tiling *convTiling
	groups []*packedRows
	pixels pixels
	clamp  [2]float32
	dst    []float32
	sink   convSink // nil: tiles go to dst
}

// convWorker is what one thread works in.
type convWorker struct {
	block, edge []float32
	tile        []float32 // of C, if it is staged
	ints        []int32   // for integer sinks
	segments    []segment
	pieces      []piece
	runs        []run
}

// segment is a stretch of a tile's columns in one output row: pixels [x0, x1), the first at column col of the tile.
// row is where the input row under the present tap begins in its channel, or −1 in the padding.
type segment struct{ outRow, x0, x1, col, row int }

// piece is a stretch of one panel of B that is one stretch of an input row, or padding: n lanes at offset dst of the
// block, taken from offset src of the channel, or zero where src is −1.
type piece struct{ dst, n, src int }

var convWorkers = sync.Pool{New: func() any { return new(convWorker) }}

func (r *convRun) run(pool *Pool, scratch []float32) {
	t := r.tiling
	if t.outPlane == 0 {
		return
	}
	if need := t.threads * t.scratch(); len(scratch) < need {
		scratch = make([]float32, need)
	}
	defer runtime.KeepAlive(r.groups) // whose memory is not the heap's
	tasks := t.s.Batch * t.p.Groups * t.chunks * t.colTiles
	pool.For(tasks, 1, func(worker, lo, hi int) {
		w := convWorkers.Get().(*convWorker)
		s := scratch[worker*t.scratch():]
		w.block, s = s[:t.blockLen()], s[t.blockLen():]
		w.tile, s = s[:t.stageLen()], s[t.stageLen():]
		w.edge = s[:t.mk.tileSize()]
		for task := lo; task < hi; task++ {
			tile, rest := task%t.colTiles, task/t.colTiles
			chunk, rest := rest%t.chunks, rest/t.chunks
			r.task(w, rest/t.p.Groups, rest%t.p.Groups, chunk, tile*t.tileCols)
		}
		w.block, w.tile, w.edge = nil, nil, nil
		convWorkers.Put(w)
	})
}

// task computes one tile of C from column j0.
func (r *convRun) task(w *convWorker, image, group, chunk, j0 int) {
	t := r.tiling
	p0, p1 := t.chunk(chunk)
	a := r.groups[group]
	b := blockOf{r: r, w: w, a: a, image: image, group: group, p0: p0, p1: p1, j0: j0, cols: min(t.tileCols, t.outPlane-j0)}
	b.m0 = a.start(p0)
	b.rows = a.start(p1) - b.m0
	if r.sink == nil {
		b.c, b.ldc = r.dst[((image*t.p.Groups+group)*a.m+b.m0)*t.outPlane+j0:], t.outPlane
	} else {
		b.c, b.ldc = w.tile, b.cols
	}
	b.compute()
}

// blockOf packs and multiplies the blocks of one tile.
type blockOf struct {
	r                  *convRun
	w                  *convWorker
	a                  *packedRows
	image, group       int
	p0, p1             int // panels of A
	m0, rows, j0, cols int // of C
	c                  []float32
	ldc                int
	filled             int // rows of the block that are packed
	flags              int
}

func (b *blockOf) compute() {
	t, w := b.r.tiling, b.w
	in, kw, last := t.p.In/t.p.Groups, t.p.Kernel[t.rank-1], t.rank-1
	base := (b.image*t.p.In + b.group*in) * t.inPlane
	b.cutSegments()
	w.runs = w.runs[:0]
	for lead := range t.leadTaps {
		if !b.seekRows(lead) {
			continue
		}
		for x := range kw {
			if !b.cutPieces(x*t.p.Dilations[last] - t.s.Pad[last]) {
				continue
			}
			for ch := 0; ch < in; {
				if b.filled == t.blockRows {
					b.flush(false)
				}
				n := min(in-ch, t.blockRows-b.filled)
				b.pack(base+ch*t.inPlane, n)
				b.note(run{k: (lead*kw+x)*in + ch, at: b.filled, n: n})
				b.filled += n
				ch += n
			}
		}
	}
	b.flush(true)
}

// note adds a run, or lengthens the last one.
func (b *blockOf) note(r run) {
	if n := len(b.w.runs); n > 0 {
		if l := &b.w.runs[n-1]; l.k+l.n == r.k {
			l.n += r.n
			return
		}
	}
	b.w.runs = append(b.w.runs, r)
}

// flush multiplies what the block holds.
func (b *blockOf) flush(last bool) {
	t, w := b.r.tiling, b.w
	first := b.flags&accumulate == 0
	flags, blockwise := b.flags, b.r.sink != nil && b.r.sink.blockwise()
	if blockwise {
		flags = 0
	} else if last {
		flags |= finish
	}
	if b.filled > 0 {
		t.mk.multiply(b.c, b.ldc, b.a, b.p0, b.p1, w.runs, w.block, t.blockRows, b.cols, b.r.clamp[0], b.r.clamp[1], flags, w.edge)
	} else {
		b.fill() // every tap lies in the padding
	}
	if b.r.sink != nil && (blockwise || last) {
		b.r.sink.take(w, b.image, b.group, b.m0, b.rows, b.j0, b.cols, first, last)
	}
	b.flags = accumulate
	b.filled, w.runs = 0, w.runs[:0]
}

// fill writes what a sum without terms comes to.
func (b *blockOf) fill() {
	for i := range b.rows {
		row := b.c[i*b.ldc:][:b.cols]
		clear(row)
		if b.r.sink == nil || !b.r.sink.blockwise() {
			clampRow(row, b.a.bias[b.m0+i], b.r.clamp[0], b.r.clamp[1])
		}
	}
}

// cutSegments splits the tile's columns by output row.
func (b *blockOf) cutSegments() {
	s := b.r.tiling.s
	width := s.Out[len(s.Out)-1]
	b.w.segments = b.w.segments[:0]
	for col := 0; col < b.cols; {
		j := b.j0 + col
		x := j % width
		n := min(width-x, b.cols-col)
		b.w.segments = append(b.w.segments, segment{outRow: j / width, x0: x, x1: x + n, col: col})
		col += n
	}
}

// seekRows finds the input rows under a tap of the leading axes, and reports whether any lies in the image.
func (b *blockOf) seekRows(tap int) bool {
	t := b.r.tiling
	any := false
	for i := range b.w.segments {
		g := &b.w.segments[i]
		g.row = t.inputRow(g.outRow, tap)
		any = any || g.row >= 0
	}
	return any
}

// inputRow gives the offset in its channel of the input row that lies under a tap of the leading axes at an output row,
// or −1 if it is in the padding.
func (t *convTiling) inputRow(outRow, tap int) int {
	offset, stride := 0, t.s.In[t.rank-1]
	for axis := t.rank - 2; axis >= 0; axis-- {
		o, k := outRow%t.s.Out[axis], tap%t.p.Kernel[axis]
		outRow, tap = outRow/t.s.Out[axis], tap/t.p.Kernel[axis]
		i := o*t.p.Strides[axis] + k*t.p.Dilations[axis] - t.s.Pad[axis]
		if i < 0 || i >= t.s.In[axis] {
			return -1
		}
		offset += i * stride
		stride *= t.s.In[axis]
	}
	return offset
}

// cutPieces finds what the tile's panels hold under a tap that is shift elements right of the pixel's own place (times
// stride), and reports whether any of it lies in the image.
func (b *blockOf) cutPieces(shift int) bool {
	t := b.r.tiling
	stride, width := t.p.Strides[t.rank-1], t.s.In[t.rank-1]
	b.w.pieces = b.w.pieces[:0]
	any := false
	for i := range b.w.segments {
		g := &b.w.segments[i]
		// Pixels [lo, hi) read from the image: 0 ≤ x·stride + shift < width.
		lo, hi := g.x1, g.x1
		if g.row >= 0 {
			lo = max(g.x0, min(g.x1, ceilDiv(max(-shift, 0), stride)))
			if shift < width {
				hi = max(lo, min(g.x1, (width-1-shift)/stride+1))
			} else {
				hi = lo
			}
		}
		b.addPieces(g.col, lo-g.x0, -1, stride)
		b.addPieces(g.col+lo-g.x0, hi-lo, g.row+lo*stride+shift, stride)
		b.addPieces(g.col+hi-g.x0, g.x1-hi, -1, stride)
		any = any || hi > lo
	}
	return any
}

// addPieces cuts n columns at the borders of panels.
func (b *blockOf) addPieces(col, n, src, stride int) {
	t := b.r.tiling
	for n > 0 {
		lane := col % t.mk.cols
		w := min(n, t.mk.cols-lane)
		b.w.pieces = append(b.w.pieces, piece{dst: (col-lane)*t.blockRows + lane, n: w, src: src})
		if src >= 0 {
			src += w * stride
		}
		col, n = col+w, n-w
	}
}

// pack fills n rows of the block with the pieces of n channels, the first at offset at of the input.
func (b *blockOf) pack(at, n int) {
	t := b.r.tiling
	ld, stride := t.mk.cols, t.p.Strides[t.rank-1]
	for _, p := range b.w.pieces {
		dst := b.w.block[p.dst+b.filled*ld:]
		if p.src >= 0 {
			b.r.pixels.load(dst, ld, p.n, at+p.src, stride, n, t.inPlane)
			continue
		}
		for range n {
			clear(dst[:p.n])
			dst = dst[min(ld, len(dst)):]
		}
	}
}
