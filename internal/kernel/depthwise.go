package kernel

import "sync"

// depthwise is a convolution of one or two spatial axes whose groups have one input channel each. Every output row is a
// sum of shifted input rows: the input rows that a band of output rows needs are copied once to scratch memory, with
// zeros for the padding and, for a stride s > 1, as s rows of every s-th element each; so for any stride, dilation and
// padding the inner loop only adds up contiguous rows.
type depthwise struct {
	mk         *microKernel
	weights    []float32 // [Out, taps]
	bias       []float32 // one per output channel
	lo, hi     float32
	channels   int // of the input
	multiplier int // output channels for each
	height     axis
	width      axis
	rank       int
}

// axis is what a convolution does along one axis.
type axis struct{ kernel, stride, dilation int }

// newDepthwise gives nil for a convolution of another kind.
func newDepthwise(mk *microKernel, p *ConvParams, weights []float32, e Epilogue) *depthwise {
	rank := len(p.Kernel)
	if p.In != p.Groups || rank > 2 {
		return nil
	}
	d := &depthwise{mk: mk, weights: append([]float32(nil), weights...), bias: make([]float32, p.Out), lo: e.Lo, hi: e.Hi,
		channels: p.In, multiplier: p.Out / p.In, height: axis{1, 1, 1}, rank: rank}
	copy(d.bias, e.Bias)
	d.width = axis{p.Kernel[rank-1], p.Strides[rank-1], p.Dilations[rank-1]}
	if rank == 2 {
		d.height = axis{p.Kernel[0], p.Strides[0], p.Dilations[0]}
	}
	return d
}

// depthwisePlan is how one run is cut.
type depthwisePlan struct {
	d                *depthwise
	batch            int
	inH, inW, padH   int
	outH, outW, padW int
	phaseLen, rowLen int // elements of every stride-th column of a row; of a row
	bandRows, bands  int // output rows worked at a time
	slots            int // input rows that a band may need
	// Offsets of the taps in scratch memory from where the topmost of their rows begins, and the largest offset in a row.
	// As rows stand evenly spaced, the first rows of the table serve any consecutive rows of the kernel.
	offsets []int
	reach   int
}

// The scratch memory that a band aims at, which fits the second-level cache, and the most that one may take.
const (
	bandElems    = 1 << 16
	maxBandElems = 1 << 20
)

// sizes begins a plan.
func (d *depthwise) sizes(s *ConvShape) depthwisePlan {
	p := depthwisePlan{d: d, batch: s.Batch, inH: 1, outH: 1}
	p.inW, p.outW, p.padW = s.In[d.rank-1], s.Out[d.rank-1], s.Pad[d.rank-1]
	if d.rank == 2 {
		p.inH, p.outH, p.padH = s.In[0], s.Out[0], s.Pad[0]
	}
	return p
}

// plan cuts a run into bands. ok is false for shapes, such as huge dilations, whose rows would take too much scratch
// memory.
func (d *depthwise) plan(s *ConvShape) (p depthwisePlan, ok bool) {
	p = d.sizes(s)
	p.phaseLen = p.outW + (d.width.kernel-1)*d.width.dilation/d.width.stride
	if d.width.stride > maxBandElems || p.phaseLen > maxBandElems/d.width.stride {
		return p, false
	}
	p.rowLen = roundUp(p.phaseLen*d.width.stride, cacheLine)
	// A band at least twice as high as the rows that it shares with the next one.
	h := d.height
	halo := max((h.kernel-1)*h.dilation+1-h.stride, 0)
	fits := (bandElems/max(p.rowLen, 1)-(h.kernel-1)*h.dilation-1)/h.stride + 1
	p.bandRows = max(min(max(fits, 2*halo/h.stride), p.outH), 1)
	for p.count() > maxBandElems && p.bandRows > 1 {
		p.bandRows /= 2
	}
	p.bands = ceilDiv(p.outH, p.bandRows)
	p.slots = p.count() / max(p.rowLen, 1)
	return p, p.count() <= maxBandElems
}

// count is the scratch memory of a band.
func (p *depthwisePlan) count() int {
	h := p.d.height
	return p.rowLen * min(p.inH, (p.bandRows-1)*h.stride+(h.kernel-1)*h.dilation+1)
}

// scratch is what one thread wants; ok is false if the shape is not for this kernel.
func (d *depthwise) scratch(s *ConvShape) (n int, ok bool) {
	if p, ok := d.flat(s); ok {
		return p.scratch(), true
	}
	p, ok := d.plan(s)
	return p.count(), ok
}

// cutOffsets fills in the table of offsets.
func (p *depthwisePlan) cutOffsets() {
	h, w := p.d.height, p.d.width
	p.offsets = make([]int, 0, h.kernel*w.kernel)
	for ky := range h.kernel {
		for kx := range w.kernel {
			shift := kx * w.dilation
			at := shift%w.stride*p.phaseLen + shift/w.stride
			p.reach = max(p.reach, at)
			p.offsets = append(p.offsets, ky*h.dilation*p.rowLen+at)
		}
	}
}

// depthwiseWorker is what one thread works in.
type depthwiseWorker struct {
	rows   []float32
	loaded []bool // by slot
}

var depthwiseWorkers = sync.Pool{New: func() any { return new(depthwiseWorker) }}

// run computes dst from src; plan must have agreed to the shape.
func (d *depthwise) run(pool *Pool, scratch, dst, src []float32, s *ConvShape) {
	if p, ok := d.flat(s); ok {
		p.run(pool, scratch, dst, src)
		return
	}
	p, _ := d.plan(s)
	if p.outH*p.outW == 0 {
		return
	}
	p.cutOffsets()
	each := p.count()
	if len(scratch) < pool.Threads()*each {
		scratch = make([]float32, pool.Threads()*each)
	}
	pool.For(p.batch*d.channels*p.bands, 1, func(worker, lo, hi int) {
		w := depthwiseWorkers.Get().(*depthwiseWorker)
		w.rows = scratch[worker*each:][:each]
		for task := lo; task < hi; task++ {
			plane, band := task/p.bands, task%p.bands
			p.band(w, dst, src, plane, band*p.bandRows)
		}
		w.rows = nil
		depthwiseWorkers.Put(w)
	})
}

// band computes the output rows from y0 for one input channel; plane counts channels over all images.
func (p *depthwisePlan) band(w *depthwiseWorker, dst, src []float32, plane, y0 int) {
	d := p.d
	p.bandOf(w, dst[plane*d.multiplier*p.outH*p.outW:], src[plane*p.inH*p.inW:][:p.inH*p.inW], plane%d.channels, y0)
}

// bandOf computes the output rows from y0 of dst, the planes that belong to input channel number channel, from its plane.
func (p *depthwisePlan) bandOf(w *depthwiseWorker, dst, src []float32, channel, y0 int) {
	d := p.d
	h, kw := d.height, d.width.kernel
	w.loaded = append(w.loaded[:0], make([]bool, p.slots)...)
	top := max(y0*h.stride-p.padH, 0) // the input row in slot 0
	for y := y0; y < min(y0+p.bandRows, p.outH); y++ {
		// Kernel rows [k0, k1) lie in the image: 0 ≤ row + k·dilation < inH.
		row := y*h.stride - p.padH
		k0 := min(ceilDiv(max(-row, 0), h.dilation), h.kernel)
		k1 := min(max(ceilDiv(max(p.inH-row, 0), h.dilation), k0), h.kernel)
		for k := k0; k < k1; k++ {
			if r := row + k*h.dilation; !w.loaded[r-top] {
				w.loaded[r-top] = true
				p.load(w.rows[(r-top)*p.rowLen:][:p.rowLen], src[r*p.inW:][:p.inW])
			}
		}
		for m := range d.multiplier {
			channel := channel*d.multiplier + m
			out := dst[(m*p.outH+y)*p.outW:][:p.outW]
			if k0 == k1 {
				clear(out)
				clampRow(out, d.bias[channel], d.lo, d.hi)
				continue
			}
			weights := d.weights[(channel*h.kernel+k0)*kw:][:(k1-k0)*kw]
			from := (row + k0*h.dilation - top) * p.rowLen
			to := from + (k1-k0-1)*h.dilation*p.rowLen + p.reach + p.outW
			d.mk.depthwiseRow(out, w.rows[from:to], p.offsets[:len(weights)], weights, d.bias[channel], d.lo, d.hi)
		}
	}
}

// load copies an input row, padded, phase by phase: element i of phase f is column i·stride + f − padW.
func (p *depthwisePlan) load(dst, row []float32) {
	stride := p.d.width.stride
	for f := range stride {
		phase := dst[f*p.phaseLen:][:p.phaseLen]
		// Columns in the image: 0 ≤ i·stride + f − padW < inW.
		lo := min(max(ceilDiv(max(p.padW-f, 0), stride), 0), p.phaseLen)
		hi := min(max(ceilDiv(max(p.inW+p.padW-f, 0), stride), lo), p.phaseLen)
		clear(phase[:lo])
		clear(phase[hi:])
		if lo == hi {
			continue
		}
		at := lo*stride + f - p.padW
		if stride == 1 {
			copy(phase[lo:hi], row[at:])
			continue
		}
		for i := lo; i < hi; i++ {
			phase[i] = row[at]
			at += stride
		}
	}
}

// depthwiseRowGo computes dst[i] = clamp(bias + Σ_t weights[t]·src[offsets[t]+i]) for all i, with one accumulator each.
func depthwiseRowGo(dst, src []float32, offsets []int, weights []float32, bias, lo, hi float32) {
	i := 0
	for ; i+4 <= len(dst); i += 4 {
		var a, b, c, d float32
		for t, at := range offsets {
			s, w := (*[4]float32)(src[at+i:]), weights[t]
			a += w * s[0]
			b += w * s[1]
			c += w * s[2]
			d += w * s[3]
		}
		dst[i], dst[i+1], dst[i+2], dst[i+3] = a, b, c, d
	}
	for ; i < len(dst); i++ {
		var a float32
		for t, at := range offsets {
			a += weights[t] * src[at+i]
		}
		dst[i] = a
	}
	clampRow(dst, bias, lo, hi)
}

// depthwiseRow is depthwiseRowGo on this micro-kernel's instruction set. No offset may reach beyond src.
func (mk *microKernel) depthwiseRow(dst, src []float32, offsets []int, weights []float32, bias, lo, hi float32) {
	if mk.row == nil {
		depthwiseRowGo(dst, src, offsets, weights, bias, lo, hi)
		return
	}
	mk.row(&dst[0], &src[0], len(dst), &offsets[0], &weights[:len(offsets)][0], len(offsets), bias, lo, hi)
}
