package kernel

import (
	"runtime"
	"sync"
)

// winogradRun is one run of a convolution.
type winogradRun struct {
	*winogradPlan
	filter   []float32
	dst, src []float32
}

// winogradWorker is what one thread works in.
type winogradWorker struct {
	input    []float32 // V: by panel of tiles, by point, by channel
	products []float32 // by point, by output channel, by tile of the group
	stage    []float32 // by row of the tiles' input, by phase
	tmp      []float32
	result   []float32 // by row of the tiles, by phase
	pieces   []tilePiece
	// What is split and joined at a time. Its fields are set one by one: a whole struct that is written in small parts
	// and copied at once waits for all stores before it, which was a tenth of the time of small convolutions.
	split, join phases
}

// tilePiece is a stretch of neighbouring tiles of one line, within one panel of V.
type tilePiece struct {
	image  int
	inRow  int // the input row under the first row of the tiles; may lie outside
	outRow int
	lane   int // the first tile's number in its line
	n      int
	col    int // the first tile's number in the group
}

var winogradWorkers = sync.Pool{New: func() any { return new(winogradWorker) }}

// run computes dst from src.
func (p *winogradPlan) run(pool *Pool, scratch, dst, src []float32) {
	p.runWith(pool, scratch, p.w.filter(p.a), dst, src)
	runtime.KeepAlive(p.w) // whose filters' memory is not the heap's
}

// runWith is run with given filters.
func (p *winogradPlan) runWith(pool *Pool, scratch, filter, dst, src []float32) {
	r := winogradRun{winogradPlan: p, filter: filter, dst: dst, src: src}
	each := p.scratch()
	if need := p.threads * each; len(scratch) < need {
		scratch = make([]float32, need)
	}
	pool.For(p.groups*p.chunks, 1, func(worker, lo, hi int) {
		w := winogradWorkers.Get().(*winogradWorker)
		s := scratch[worker*each:]
		w.input, s = s[:p.inputLen()], s[p.inputLen():]
		w.products, s = s[:p.productLen()], s[p.productLen():]
		w.stage, s = s[:p.stageLen()], s[p.stageLen():]
		w.tmp, s = s[:p.tmpLen()], s[p.tmpLen():]
		w.result = s[:p.resultLen()]
		w.split.m, w.split.dilation, w.split.pad = p.a.M, p.w.width.dilation, p.s.Pad[1]
		w.join.m, w.join.dilation, w.join.pad = p.a.M, p.w.width.dilation, 0
		for task := lo; task < hi; task++ {
			r.task(w, task/p.chunks, task%p.chunks)
		}
		w.input, w.products, w.stage, w.tmp, w.result = nil, nil, nil, nil, nil
		winogradWorkers.Put(w)
	})
}

func (r *winogradRun) task(w *winogradWorker, group, chunk int) {
	first := group * r.groupTiles
	tiles := min(r.groupTiles, r.tiles-first)
	r.cut(w, first, tiles)
	r.transform(w)
	all := r.w.panels.count
	for p0, end := chunk*all/r.chunks, (chunk+1)*all/r.chunks; p0 < end; p0 += r.blockPanels {
		p1 := min(p0+r.blockPanels, end)
		r.multiply(w, p0, p1, ceilDiv(tiles, r.w.mk.cols))
		r.finish(w, r.w.panels.start(p0), r.w.panels.start(p1))
	}
}

// cut finds the pieces of the group of tiles from number first.
func (r *winogradRun) cut(w *winogradWorker, first, tiles int) {
	w.pieces = w.pieces[:0]
	d, cols := r.w.height.dilation, r.w.mk.cols
	for col := 0; col < tiles; {
		line, lane := (first+col)/r.lineTiles, (first+col)%r.lineTiles
		n := min(r.lineTiles-lane, tiles-col, cols-col%cols)
		row := line%r.lines/d*d*r.a.M + line%r.lines%d
		w.pieces = append(w.pieces, tilePiece{image: line / r.lines, inRow: row - r.s.Pad[0], outRow: row, lane: lane, n: n, col: col})
		col += n
	}
}

// transform fills V. Whole vectors are stored, so that lanes behind a piece are overwritten with anything: the pieces of
// a channel follow each other to the right, and what passes the end of a panel's row falls into that of the next channel,
// which is yet to be filled.
func (r *winogradRun) transform(w *winogradWorker) {
	a, cols, plane := r.a, r.w.mk.cols, r.s.In[0]*r.s.In[1]
	d := r.w.width.dilation
	for c := range r.w.in {
		for i := range w.pieces {
			p := &w.pieces[i]
			lead := p.lane % d // lanes before the piece, so that staging begins with a whole block
			if d > 2 {
				lead = 0
			}
			w.split.lane, w.split.n = p.lane-lead, p.n+lead+(a.n-1)/a.M*d
			r.stage(w, r.src[r.plane(p.image, c, r.w.in)*plane:][:plane], p.inRow)
			to := w.input[p.col/cols*a.points*r.pointLd+c*cols+p.col%cols:]
			r.w.mk.winogradIn(a, to, w.stage[lead:], p.n, r.pointLd, d, w.tmp)
		}
	}
}

// stage copies the input from row inRow on under the tiles of w.split, with zeros around the image.
func (r *winogradRun) stage(w *winogradWorker, src []float32, inRow int) {
	a, height, width := r.a, r.s.In[0], r.s.In[1]
	dy, stage, b := r.w.height.dilation, w.stage, &w.split
	// Rows [i0, i1) lie in the image.
	i0 := min(ceilDiv(max(-inRow, 0), dy), a.n)
	i1 := min(max(ceilDiv(max(height-inRow, 0), dy), i0), a.n)
	if i1 > i0 {
		b.rows = i1 - i0
		r.w.mk.winogradSplit(b, stage[i0*a.M*stageLanes:], src[(inRow+i0*dy)*width:], width, dy*width, height*width)
	}
	for i := range a.n * a.M {
		if i < i0*a.M || i >= i1*a.M {
			clear(stage[i*stageLanes:][:b.n])
		}
	}
}

// multiply computes the products of panels [p0, p1) of U by the first panels of V.
func (r *winogradRun) multiply(w *winogradWorker, p0, p1, panels int) {
	mk, in := r.w.mk, r.w.in
	m0 := r.w.panels.start(p0)
	for point := range r.a.points {
		u, c := r.filter[point*r.w.out*in:], w.products[point*r.productLd:]
		for p := p0; p < p1; p++ {
			at, rows := r.w.panels.start(p), r.w.panels.rows(p)
			for q := range panels {
				v := w.input[(q*r.a.points+point)*r.pointLd:]
				mk.tile(rows, in, u[at*in:], v, c[(at-m0)*r.groupTiles+q*mk.cols:], r.groupTiles, r.w.bias, 0, 0, 0)
			}
		}
	}
}

// finish writes output channels [m0, m1) from the block's products.
func (r *winogradRun) finish(w *winogradWorker, m0, m1 int) {
	a, plane := r.a, r.s.Out[0]*r.s.Out[1]
	height, width, dy := r.s.Out[0], r.s.Out[1], r.w.height.dilation
	for m := m0; m < m1; m++ {
		for i := range w.pieces {
			p := &w.pieces[i]
			r.w.mk.winogradOut(a, w.result, w.products[(m-m0)*r.groupTiles+p.col:], p.n, r.productLd, w.tmp,
				r.w.bias[m], r.w.clamp[0], r.w.clamp[1])
			w.join.lane, w.join.n, w.join.rows = p.lane, p.n, min(a.M, ceilDiv(height-p.outRow, dy))
			out := r.dst[r.plane(p.image, m, r.w.out)*plane+p.outRow*width:][:(w.join.rows-1)*dy*width+width]
			r.w.mk.winogradJoin(&w.join, out, w.result, width, dy*width)
		}
	}
}
