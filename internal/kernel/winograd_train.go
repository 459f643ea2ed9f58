package kernel

import "sync"

// TrainedConv is a dense float32 convolution of stride 1 by a Winograd algorithm, for weights that change from run to
// run: they are taken to the algorithm's points at each. Images are [channels][batch][height][width].
type TrainedConv struct {
	p    ConvParams
	s    ConvShape
	plan winogradPlan
}

// NewTrainedConv gives nil where no algorithm is cheaper than matrix products. The choice does not depend on threads.
func NewTrainedConv(p ConvParams, s ConvShape, threads int) *TrainedConv {
	return newTrainedConv(micro, p, s, threads)
}

func newTrainedConv(mk *microKernel, p ConvParams, s ConvShape, threads int) *TrainedConv {
	c := &Conv{p: p.clone(), mk: mk}
	c.winograd = newWinograd(mk, &c.p, nil, NoClamp(nil))
	t := &TrainedConv{p: c.p, s: s}
	var ok bool
	if t.plan, ok = c.chooseWinograd(&t.s, threads); !ok {
		return nil
	}
	t.plan.s, t.plan.swapped = &t.s, true
	return t
}

// FilterLen is the length of the memory that the weights take at the points.
func (t *TrainedConv) FilterLen() int { return t.plan.a.points * t.p.In * t.p.Out }

// Scratch is the length of the scratch memory of Run.
func (t *TrainedConv) Scratch() int { return t.plan.threads * t.plan.scratch() }

// Run computes dst from src. weights are [Out, In, k, k], or, turned, those of the convolution whose gradient with
// respect to its input this one is: [In, Out, k, k] with every kernel turned by half a turn. filter and scratch are
// memory of FilterLen and Scratch elements.
func (t *TrainedConv) Run(pool *Pool, filter, scratch, dst, src, weights []float32, turned bool) {
	filter = filter[:t.FilterLen()]
	t.filters(pool, filter, weights, turned)
	t.plan.runWith(pool, scratch, filter, dst, src)
}

// filterPiece is how many kernels are taken to the points at a time.
const filterPiece = 512

// filterWorker is what one thread works in: rows of filterPiece elements, for algorithms of up to 7 points and 5 taps.
type filterWorker struct {
	g    [5 * 5 * filterPiece]float32
	half [7 * 5 * filterPiece]float32
}

var filterWorkers = sync.Pool{New: func() any { return new(filterWorker) }}

// filters computes G·g·Gᵀ for all kernels, in the form in which products read them. It works on many kernels at once, as
// rows of their elements.
func (t *TrainedConv) filters(pool *Pool, filter, weights []float32, turned bool) {
	w, a := t.plan.w, t.plan.a
	taps := a.R * a.R
	in, out := w.in, w.out
	pieces := ceilDiv(in*w.panels.rows(0), filterPiece)
	pool.For(w.panels.count*pieces, 1, func(_, lo, hi int) {
		m := filterWorkers.Get().(*filterWorker)
		defer filterWorkers.Put(m)
		for task := lo; task < hi; task++ {
			panel, piece := task/pieces, task%pieces
			start, rows := w.panels.start(panel), w.panels.rows(panel)
			from := piece * filterPiece
			n := min(filterPiece, in*rows-from)
			if n <= 0 {
				continue
			}
			for i := range n {
				c, r := (from+i)/rows, start+(from+i)%rows
				if turned {
					g := weights[(c*out+r)*taps:][:taps]
					for k, v := range g {
						m.g[(taps-1-k)*filterPiece+i] = v
					}
					continue
				}
				g := weights[(r*in+c)*taps:][:taps]
				for k, v := range g {
					m.g[k*filterPiece+i] = v
				}
			}
			for x := range a.R {
				for i, row := range a.filter {
					combine(m.half[(i*a.R+x)*filterPiece:][:n], row, func(y int) []float32 { return m.g[(y*a.R+x)*filterPiece:][:n] })
				}
			}
			for i := range a.n {
				for j, row := range a.filter {
					to := filter[(i*a.n+j)*out*in+start*in+from:][:n]
					combine(to, row, func(x int) []float32 { return m.half[(i*a.R+x)*filterPiece:][:n] })
				}
			}
		}
	})
}

// combine computes dst = Σ factors[k]·row(k).
func combine(dst []float32, factors []float64, row func(k int) []float32) {
	first := true
	for k, f := range factors {
		switch {
		case f == 0:
		case first:
			first = false
			ScaleTo(dst, float32(f), row(k))
		default:
			Axpy(dst, float32(f), row(k))
		}
	}
	if first {
		clear(dst)
	}
}

// The gradient of the weights is Gᵀ·(Σ (A·dy·Aᵀ) ∘ (Bᵀ·x·B))·G, the sum being one over all tiles: at each point a matrix
// product over the tiles. Tiles are taken in groups, whose transforms fit gradElems.

// gradElems is what the transforms of a group of tiles may take, in float32; gradTiles is the most that a group has.
const (
	gradElems = 5 << 20
	gradTiles = 256
)

// group gives the number of tiles of a group and how far apart its rows lie: whole vectors reach beyond them.
func (t *TrainedConv) group() (tiles, ld int) {
	p := &t.plan
	cols := p.w.mk.cols
	tiles = min(gradElems/(p.a.points*(p.w.in+p.w.out)), gradTiles, roundUp(p.tiles, cols)) / cols * cols
	tiles = max(tiles, cols)
	return tiles, tiles + winogradSlack
}

// GradScratch is the length of the scratch memory of WeightGrad.
func (t *TrainedConv) GradScratch() int {
	_, ld := t.group()
	return t.plan.a.points*(t.p.In+t.p.Out)*ld + t.plan.threads*(t.plan.stageLen()+t.plan.tmpLen())
}

// WeightGrad adds to dw [Out, In, k, k] the gradient of the weights for dy, that of dst, and src, as Run had it. filter
// and scratch are memory of FilterLen and GradScratch elements; products are the threads' own.
func (t *TrainedConv) WeightGrad(pool *Pool, products []*Products[float32], filter, scratch, dw, src, dy []float32) {
	p, w := &t.plan, t.plan.w
	tiles, ld := t.group()
	u := filter[:t.FilterLen()]
	v, scratch := scratch[:p.a.points*w.in*ld], scratch[p.a.points*w.in*ld:]
	m, scratch := scratch[:p.a.points*w.out*ld], scratch[p.a.points*w.out*ld:]
	r := winogradRun{winogradPlan: p, src: src}
	for first := 0; first < p.tiles; first += tiles {
		n := min(tiles, p.tiles-first)
		pool.For(w.in+w.out, 4, func(worker, lo, hi int) {
			k := winogradWorkers.Get().(*winogradWorker)
			own := scratch[worker*(p.stageLen()+p.tmpLen()):]
			k.stage, k.tmp = own[:p.stageLen()], own[p.stageLen():][:p.tmpLen()]
			k.split.m, k.split.dilation = p.a.M, w.width.dilation
			r.cut(k, first, n)
			for c := lo; c < hi; c++ {
				if c < w.in {
					t.inputPoints(&r, k, v[c*ld:], c, w.in*ld)
				} else {
					t.gradPoints(&r, k, m[(c-w.in)*ld:], dy, c-w.in, w.out*ld)
				}
			}
			k.stage, k.tmp = nil, nil
			winogradWorkers.Put(k)
		})
		pool.For(p.a.points, 1, func(worker, lo, hi int) {
			for point := lo; point < hi; point++ {
				products[worker].Multiply(u[point*w.in*w.out:], w.in, w.out, w.in, n,
					Matrix[float32]{Data: m[point*w.out*ld:], Row: ld, Col: 1}, Matrix[float32]{Data: v[point*w.in*ld:], Row: 1, Col: ld}, first > 0)
			}
		})
	}
	t.taps(pool, dw, u)
}

// inputPoints takes channel c of the input under a group's tiles to the points. Whole vectors are written; what passes
// the end of a piece is written again by the next one.
func (t *TrainedConv) inputPoints(r *winogradRun, k *winogradWorker, dst []float32, c, pointLd int) {
	a, d, plane := r.a, r.w.width.dilation, r.s.In[0]*r.s.In[1]
	k.split.pad = r.s.Pad[1]
	for i := range k.pieces {
		p := &k.pieces[i]
		lead := p.lane % d
		if d > 2 {
			lead = 0
		}
		k.split.lane, k.split.n = p.lane-lead, p.n+lead+(a.n-1)/a.M*d
		r.stage(k, r.src[r.plane(p.image, c, r.w.in)*plane:][:plane], p.inRow)
		r.w.mk.winogradIn(a, dst[p.col:], k.stage[lead:], p.n, pointLd, d, k.tmp)
	}
}

// gradPoints does the same for the gradient of channel c of the output, whose tiles are M×M.
func (t *TrainedConv) gradPoints(r *winogradRun, k *winogradWorker, dst, dy []float32, c, pointLd int) {
	a, d, plane := r.a, r.w.width.dilation, r.s.Out[0]*r.s.Out[1]
	height, width, down := r.s.Out[0], r.s.Out[1], r.w.height.dilation
	k.split.pad = 0
	for i := range k.pieces {
		p := &k.pieces[i]
		lead := p.lane % d
		if d > 2 {
			lead = 0
		}
		k.split.lane, k.split.n = p.lane-lead, p.n+lead
		k.split.rows = min(a.M, ceilDiv(height-p.outRow, down))
		from := dy[r.plane(p.image, c, r.w.out)*plane:][:plane]
		r.w.mk.winogradSplit(&k.split, k.stage, from[p.outRow*width:], width, down*width, height*width)
		for row := k.split.rows * a.M; row < a.M*a.M; row++ {
			clear(k.stage[row*stageLanes:][:k.split.n])
		}
		r.w.mk.winogradGrad(a, dst[p.col:], k.stage[lead:], p.n, pointLd, k.tmp)
	}
}

// taps adds Gᵀ·u·G to the gradient of the weights; u holds a matrix [Out, In] for each point.
func (t *TrainedConv) taps(pool *Pool, dw, u []float32) {
	a, all := t.plan.a, t.p.In*t.p.Out
	transposed := make([][]float64, a.R) // Gᵀ
	for k := range transposed {
		for _, row := range a.filter {
			transposed[k] = append(transposed[k], row[k])
		}
	}
	pool.For(ceilDiv(all, filterPiece), 1, func(_, lo, hi int) {
		m := filterWorkers.Get().(*filterWorker)
		defer filterWorkers.Put(m)
		h, sum := m.half[:], m.g[:filterPiece]
		for piece := lo; piece < hi; piece++ {
			from := piece * filterPiece
			n := min(filterPiece, all-from)
			for i := range a.n {
				for x, row := range transposed {
					combine(h[(i*a.R+x)*filterPiece:][:n], row, func(j int) []float32 { return u[(i*a.n+j)*all+from:][:n] })
				}
			}
			for y, row := range transposed {
				for x := range a.R {
					combine(sum[:n], row, func(i int) []float32 { return h[(i*a.R+x)*filterPiece:][:n] })
					at := from*a.R*a.R + y*a.R + x
					for _, v := range sum[:n] {
						dw[at] += v
						at += a.R * a.R
					}
				}
			}
		}
	})
}
