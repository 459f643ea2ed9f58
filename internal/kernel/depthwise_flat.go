package kernel

// flatPlan cuts a run of a depthwise convolution of stride 1. A band of the image is copied to scratch memory with its
// padding, row after row without gaps. There, every tap is one offset for all outputs of the band, so one call of
// depthwiseRow computes them all, and the few between the rows' ends and beginnings that nobody wants.
type flatPlan struct {
	depthwisePlan
	shift int // columns that a row is wider than an output's
}

// What a band's input and output may take at most in scratch memory, in float32, and which share of it may be padding
// or outputs that nobody wants.
const (
	flatElems = 3 << 13
	flatWaste = 0.25
)

// flat cuts a run, if it is one that this suits.
func (d *depthwise) flat(s *ConvShape) (p flatPlan, ok bool) {
	h, w := d.height, d.width
	if h.stride != 1 || w.stride != 1 {
		return p, false
	}
	p.depthwisePlan = d.sizes(s)
	p.shift = (w.kernel - 1) * w.dilation
	p.rowLen = p.outW + p.shift
	halo := (h.kernel - 1) * h.dilation
	if p.outH*p.outW == 0 || float64(p.shift) > flatWaste*float64(p.rowLen) || halo > flatElems || p.rowLen > flatElems {
		return p, false
	}
	p.bandRows = min((flatElems/p.rowLen-halo)/2, p.outH)
	if p.bandRows < p.outH && p.bandRows < 4*halo {
		return p, false
	}
	p.bands = ceilDiv(p.outH, p.bandRows)
	p.bandRows = ceilDiv(p.outH, p.bands)
	p.slots = p.bandRows + halo
	return p, true
}

// inputLen leaves room for whole vectors to be read at the end.
func (p *flatPlan) inputLen() int  { return roundUp(p.slots*p.rowLen, cacheLine) + cacheLine }
func (p *flatPlan) outputLen() int { return roundUp(p.bandRows*p.rowLen, cacheLine) }
func (p *flatPlan) scratch() int   { return p.inputLen() + p.outputLen() }

// run computes dst from src.
func (p *flatPlan) run(pool *Pool, scratch, dst, src []float32) {
	d := p.d
	p.cut()
	each := p.scratch()
	if need := pool.Threads() * each; len(scratch) < need {
		scratch = make([]float32, need)
	}
	pool.For(p.batch*d.channels*p.bands, 1, func(worker, lo, hi int) {
		rows := scratch[worker*each:][:p.inputLen()]
		out := scratch[worker*each+p.inputLen():][:p.outputLen()]
		for task := lo; task < hi; task++ {
			p.band(rows, out, dst, src, task/p.bands, task%p.bands*p.bandRows)
		}
	})
}

// cut fills in the table of offsets.
func (p *flatPlan) cut() {
	h, w := p.d.height, p.d.width
	for ky := range h.kernel {
		for kx := range w.kernel {
			p.offsets = append(p.offsets, ky*h.dilation*p.rowLen+kx*w.dilation)
		}
	}
}

// band computes the output rows from y0 for one input channel; plane counts channels over all images.
func (p *flatPlan) band(rows, out, dst, src []float32, plane, y0 int) {
	d := p.d
	p.bandOf(rows, out, dst[plane*d.multiplier*p.outH*p.outW:], src[plane*p.inH*p.inW:][:p.inH*p.inW], plane%d.channels, y0)
}

// bandOf computes the output rows from y0 of dst, the planes that belong to input channel number channel, from its plane.
func (p *flatPlan) bandOf(rows, out, dst, src []float32, channel, y0 int) {
	d, mk := p.d, p.d.mk
	n := min(p.bandRows, p.outH-y0)
	p.load(rows, src, y0-p.padH, n+p.slots-p.bandRows)
	span := (n-1)*p.rowLen + p.outW
	taps := len(p.offsets)
	for m := range d.multiplier {
		channel := channel*d.multiplier + m
		if to := dst[(m*p.outH+y0)*p.outW:][:n*p.outW]; p.squareRows(to, rows, channel, n) {
			continue
		}
		mk.depthwiseRow(out[:span], rows[:span+p.offsets[taps-1]], p.offsets, d.weights[channel*taps:][:taps], d.bias[channel], d.lo, d.hi)
		to := dst[(m*p.outH+y0)*p.outW:]
		for x := 0; x < p.outW; x += mk.cols {
			mk.copyLanes(to[x:], out[x:], min(mk.cols, p.outW-x), n, p.outW, p.rowLen)
		}
	}
}

// squareRows computes n rows of a channel with the assembly for square kernels without dilation, if there is any: four
// rows at a time share what they read, and are written to their place at once. Each output is summed in the same order
// as by depthwiseRow.
func (p *flatPlan) squareRows(dst, rows []float32, channel, n int) bool {
	d := p.d
	k := d.width.kernel
	if k != d.height.kernel || k >= len(d.mk.square) || d.mk.square[k].one == nil || d.width.dilation != 1 || d.height.dilation != 1 {
		return false
	}
	asm, weights := &d.mk.square[k], d.weights[channel*k*k:][:k*k]
	for y := 0; y < n; {
		step, f := 4, asm.four
		if n-y < step {
			step, f = 1, asm.one
		}
		to, from := dst[y*p.outW:][:step*p.outW], rows[y*p.rowLen:][:(step+k-1)*p.rowLen+cacheLine]
		f(&to[0], &from[0], p.outW, p.outW, p.rowLen, &weights[0], d.bias[channel], d.lo, d.hi)
		y += step
	}
	return true
}

// load copies n rows of the image from row y, with zeros around it.
func (p *flatPlan) load(dst, src []float32, y, n int) {
	mk := p.d.mk
	// Rows [i0, i1) and columns [x0, x1) of dst lie in the image.
	i0 := min(max(-y, 0), n)
	i1 := max(min(p.inH-y, n), i0)
	x0 := min(max(p.padW, 0), p.rowLen)
	x1 := max(min(p.inW+p.padW, p.rowLen), x0)
	clear(dst[:i0*p.rowLen])
	clear(dst[i1*p.rowLen : n*p.rowLen])
	if i0 == i1 {
		return
	}
	for i := i0; i < i1; i++ {
		row := dst[i*p.rowLen:][:p.rowLen]
		for x := range x0 {
			row[x] = 0
		}
		for x := x1; x < p.rowLen; x++ {
			row[x] = 0
		}
	}
	from := src[(y+i0)*p.inW:]
	for x := x0; x < x1; x += mk.cols {
		mk.copyLanes(dst[i0*p.rowLen+x:], from[x-p.padW:], min(mk.cols, x1-x), i1-i0, p.rowLen, p.inW)
	}
}
