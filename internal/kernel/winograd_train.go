package kernel

// TrainedConv is a dense float32 convolution of stride 1 by a Winograd algorithm, for weights that change from run to
// run: they are taken to the algorithm's points at each. Images are [channels][batch][height][width].
type TrainedConv struct {
	p     ConvParams
	s     ConvShape
	plan  winogradPlan
	grads winogradGrads
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

// filters computes G·g·Gᵀ for all kernels, in the form in which products read them. It works on many kernels at once, as
// rows of their elements.
func (t *TrainedConv) filters(pool *Pool, filter, weights []float32, turned bool) {
	w, a := t.plan.w, t.plan.a
	taps := a.R * a.R
	type memory struct{ g, half, u []float32 }
	workers := make([]memory, pool.Threads())
	in, out := w.in, w.out
	pieces := ceilDiv(in*w.panels.rows(0), filterPiece)
	pool.For(w.panels.count*pieces, 1, func(worker, lo, hi int) {
		m := &workers[worker]
		if m.g == nil {
			*m = memory{make([]float32, taps*filterPiece), make([]float32, a.n*a.R*filterPiece), make([]float32, filterPiece)}
		}
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

// winogradGrads is the memory of the weights' gradient.
type winogradGrads struct{}
