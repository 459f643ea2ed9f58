package kernel

import (
	"sync"
	"unsafe"
)

// ConvBytes is a convolution of uint8 by int8 weights whose outputs are uint8 again, as QDQ models and QLinearConv have
// it. It is read-only after NewConvBytes and may run in several goroutines at once.
//
// Each task packs the columns of a tile of outputs whole, tap by tap with four channels side by side, and multiplies them
// by one panel of weights after another; sums go from registers to bytes. What the padding adds to a sum, as every input
// does by its zero point, is in the bias: x·w summed for stored x is what is wanted plus zero·Σw.
type ConvBytes struct {
	p      ConvParams
	bk     *byteKernel
	panels panels
	groups int    // of four channels
	k      int    // groups of all taps
	data   []int8 // panel after panel
	bias   []int32
	scale  []float32
	xZero  uint8
	lo, hi float32
	zero   int32
	plain  *depthwise // weights as float32, where each group has one channel
}

// BytesEpilogue says how sums become bytes: round((sum + Bias)·Scale) + To.Zero, where Scale holds for each output
// channel the product of the scales of input and weights over that of the output; nothing is stored below Least.
type BytesEpilogue struct {
	Bias  []int32 // one per output channel, or empty
	Scale []float32
	To    ByteParams // of which the zero point alone matters
	Least uint8
}

// NewConvBytes packs weights [Out, In/Groups, Kernel…] for inputs with the given zero point. It gives nil for what it is
// not made for: groups of more than one channel, and one or more than two spatial axes.
func NewConvBytes(p ConvParams, weights []int8, xZero uint8, e BytesEpilogue) (*ConvBytes, error) {
	return newConvBytesFor(bytesFast, micro, p, weights, xZero, e)
}

func newConvBytesFor(bk *byteKernel, mk *microKernel, p ConvParams, weights []int8, xZero uint8, e BytesEpilogue) (*ConvBytes, error) {
	if err := p.check(len(weights), len(e.Bias)); err != nil {
		return nil, err
	}
	if len(p.Kernel) != 2 || p.Groups != 1 && p.In != p.Groups {
		return nil, nil
	}
	c := &ConvBytes{p: p.clone(), bk: bk, bias: make([]int32, p.Out), scale: e.Scale, xZero: xZero, zero: int32(e.To.Zero)}
	c.lo, c.hi = e.To.bounds(e.Least)
	copy(c.bias, e.Bias)
	in, taps := p.In/p.Groups, p.Taps()
	if p.In == p.Groups {
		w := make([]float32, len(weights))
		for i, v := range weights {
			w[i] = float32(v)
		}
		// A sum of so many products of 8 bits is exact in float32.
		if taps > exactTerms {
			return nil, nil
		}
		c.plain = newDepthwise(mk, &c.p, w, NoClamp(nil))
		return c, nil
	}
	c.panels, c.groups = cutPanels(p.Out, bk.rows), ceilDiv(in, byteGroup)
	c.k = taps * c.groups
	c.data = make([]int8, p.Out*c.k*byteGroup)
	for m := range p.Out {
		sum := int32(0)
		for _, v := range weights[m*in*taps:][:in*taps] {
			sum += int32(v)
		}
		c.bias[m] -= int32(xZero) * sum
	}
	for q := range c.panels.count {
		at, rows := c.panels.start(q), c.panels.rows(q)
		panel := c.data[at*c.k*byteGroup:]
		for r := range rows {
			for ch := range in {
				for t := range taps {
					panel[((t*c.groups+ch/byteGroup)*rows+r)*byteGroup+ch%byteGroup] = weights[((at+r)*in+ch)*taps+t]
				}
			}
		}
	}
	return c, nil
}

// The most bytes that a tile's packed columns aim at, and the most columns that it has.
const (
	bytesBlock = 1 << 19
	bytesTile  = 512
)

// tile is how many columns a task computes.
func (c *ConvBytes) tile(s *ConvShape, threads int) int {
	cols := c.bk.cols
	w := min(max(bytesBlock/(c.k*byteGroup)/cols*cols, cols), bytesTile)
	for threads > 1 && w > 4*cols && s.Batch*ceilDiv(product(s.Out), w) < 4*threads {
		w = roundUp(w/2, cols)
	}
	return min(w, roundUp(product(s.Out), cols))
}

// depthwiseBytes is what one thread wants, in float32, for a channel as float32 and what becomes of it.
func (c *ConvBytes) depthwiseScratch(s *ConvShape) (n int, ok bool) {
	n, ok = c.plain.scratch(s)
	return n + roundUp(product(s.In), cacheLine) + roundUp(c.plain.multiplier*product(s.Out), cacheLine), ok
}

// Fits reports whether a run of shape s is possible.
func (c *ConvBytes) Fits(s ConvShape) bool {
	if c.plain == nil {
		return true
	}
	_, ok := c.depthwiseScratch(&s)
	return ok
}

// Scratch is the length, in float32, of the scratch memory that Run wants.
func (c *ConvBytes) Scratch(pool *Pool, s ConvShape) int {
	if c.plain != nil {
		n, _ := c.depthwiseScratch(&s)
		return pool.Threads() * n
	}
	return pool.Threads() * c.scratch(&s, pool.Threads())
}

func (c *ConvBytes) scratch(s *ConvShape, threads int) int {
	return roundUp((c.tile(s, threads)*c.k*byteGroup+c.bk.rows*c.bk.cols)/4, cacheLine) + cacheLine
}

// Run computes dst from src. scratch may be short or nil; then memory is allocated. The result does not depend on the
// number of threads. An error says that a slice does not have the length that the shape asks for, or that the shape does
// not fit.
func (c *ConvBytes) Run(pool *Pool, scratch []float32, dst, src []uint8, s ConvShape) error {
	if err := c.p.checkShape(&s, len(dst), len(src)); err != nil {
		return err
	}
	if need := c.Scratch(pool, s); len(scratch) < need {
		scratch = make([]float32, need)
	}
	if c.plain != nil {
		return c.runDepthwise(pool, scratch, dst, src, &s)
	}
	plane := product(s.Out)
	if plane == 0 {
		return nil
	}
	width := c.tile(&s, pool.Threads())
	tiles, each := ceilDiv(plane, width), c.scratch(&s, pool.Threads())
	chunks := shareRows(s.Batch*tiles, c.panels.count, pool.Threads())
	pool.For(s.Batch*tiles*chunks, 1, func(worker, lo, hi int) {
		w := byteWorkers.Get().(*byteWorker)
		all := scratch[worker*each:][:each]
		memory := unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(all))), 4*len(all))
		for task := lo; task < hi; task++ {
			image, j0 := task/chunks/tiles, task/chunks%tiles*width
			q0, q1 := task%chunks*c.panels.count/chunks, (task%chunks+1)*c.panels.count/chunks
			c.columns(w, memory, dst[image*c.p.Out*plane:][:c.p.Out*plane], src, &s, image, j0, min(width, plane-j0), q0, q1)
		}
		byteWorkers.Put(w)
	})
	return nil
}

// byteWorker is what one thread works in.
type byteWorker struct{ pieces []bytePiece }

// bytePiece is a stretch of a tile's columns in one row of the output and one panel of B.
type bytePiece struct{ y, x, n, dst int }

var byteWorkers = sync.Pool{New: func() any { return new(byteWorker) }}

// columns computes n columns of an image from j0 on, for panels [q0, q1) of the weights.
func (c *ConvBytes) columns(w *byteWorker, memory, dst, src []uint8, s *ConvShape, image, j0, n, q0, q1 int) {
	cols, plane := c.bk.cols, s.Out[0]*s.Out[1]
	panel := c.k * cols * byteGroup
	block := memory[:ceilDiv(n, cols)*panel]
	edge := memory[len(block):][:c.bk.rows*cols]
	w.pieces = w.pieces[:0]
	for col := 0; col < n; {
		y, x := (j0+col)/s.Out[1], (j0+col)%s.Out[1]
		m := min(s.Out[1]-x, n-col, cols-col%cols)
		w.pieces = append(w.pieces, bytePiece{y, x, m, col/cols*panel + col%cols*byteGroup})
		col += m
	}
	c.pack(w, block, src[image*c.p.In*s.In[0]*s.In[1]:][:c.p.In*s.In[0]*s.In[1]], s)
	for q := q0; q < q1; q++ {
		at, rows := c.panels.start(q), c.panels.rows(q)
		a := c.data[at*c.k*byteGroup:]
		for j := 0; j < n; j += cols {
			b := block[j/cols*panel:]
			if n-j < cols {
				c.bk.multiply(rows, c.k, a, b, edge, cols, c.bias[at:], c.scale[at:], c.lo, c.hi, c.zero)
				for r := range rows {
					copy(dst[(at+r)*plane+j0+j:][:n-j], edge[r*cols:])
				}
				continue
			}
			c.bk.multiply(rows, c.k, a, b, dst[at*plane+j0+j:], plane, c.bias[at:], c.scale[at:], c.lo, c.hi, c.zero)
		}
	}
}

// pack fills the block of B.
func (c *ConvBytes) pack(w *byteWorker, block, src []uint8, s *ConvShape) {
	p := &c.p
	height, width, stride := s.In[0], s.In[1], p.Strides[1]
	ld := c.bk.cols * byteGroup
	for i := range w.pieces {
		b := &w.pieces[i]
		for ky := range p.Kernel[0] {
			row := b.y*p.Strides[0] + ky*p.Dilations[0] - s.Pad[0]
			for kx := range p.Kernel[1] {
				to := block[b.dst+(ky*p.Kernel[1]+kx)*c.groups*ld:]
				shift := kx*p.Dilations[1] - s.Pad[1]
				// Columns [lo, hi) lie in the image: 0 ≤ x·stride + shift < width.
				lo, hi := b.x+b.n, b.x+b.n
				if row >= 0 && row < height {
					lo = min(max(ceilDiv(max(-shift, 0), stride), b.x), b.x+b.n)
					hi = max(min(ceilDiv(max(width-shift, 0), stride), b.x+b.n), lo)
				}
				c.fill(to, lo-b.x, ld)
				c.fill(to[(hi-b.x)*byteGroup:], b.x+b.n-hi, ld)
				if hi > lo {
					c.load(to[(lo-b.x)*byteGroup:], src[row*width+lo*stride+shift:], hi-lo, stride, height*width, ld)
				}
			}
		}
	}
}

// fill writes n columns of padding.
func (c *ConvBytes) fill(dst []uint8, n, ld int) {
	if n == 0 {
		return
	}
	for g := range c.groups {
		to := dst[g*ld:][:n*byteGroup]
		for i := range to {
			to[i] = c.xZero
		}
	}
}

// load packs n pixels of all channels. Of channels behind the last, whose weights are 0, it reads the last again.
func (c *ConvBytes) load(dst, src []uint8, n, stride, plane, ld int) {
	whole, rest := c.p.In/byteGroup, c.p.In%byteGroup
	planes := [byteGroup]int{0, plane, 2 * plane, 3 * plane}
	if whole > 0 {
		c.bk.packBytes(dst, src, n, stride, whole, planes, byteGroup*plane, ld)
	}
	if rest > 0 {
		for i := range planes {
			planes[i] = min(i, rest-1) * plane
		}
		c.bk.packBytes(dst[whole*ld:], src[whole*byteGroup*plane:], n, stride, 1, planes, 0, ld)
	}
}

// packBytes is packBytesGo for any n.
func (bk *byteKernel) packBytes(dst, src []uint8, n, stride, groups int, planes [byteGroup]int, groupPlane, ld int) {
	// The assembly for stride 2 reads a byte behind the last.
	end := (groups-1)*groupPlane + planes[byteGroup-1] + n*stride
	if stride >= len(bk.pack) || bk.pack[stride] == nil || end > len(src) {
		packBytesGo(dst, src, n, stride, groups, planes, groupPlane, ld)
		return
	}
	_ = dst[(groups-1)*ld+n*byteGroup-1]
	for x := 0; x < n; x += 16 {
		bk.pack[stride](&dst[x*byteGroup], &src[x*stride], min(n-x, 16), groups, planes[1], planes[2], planes[3], groupPlane, ld)
	}
}

// runDepthwise sums in float32, exactly, one channel after another.
func (c *ConvBytes) runDepthwise(pool *Pool, scratch []float32, dst, src []uint8, s *ConvShape) error {
	each, ok := c.depthwiseScratch(s)
	if !ok {
		return errConv
	}
	in, out, d := product(s.In), product(s.Out), c.plain
	if out == 0 {
		return nil
	}
	f, flat := d.flat(s)
	p, _ := d.plan(s)
	if flat {
		f.cut()
	} else {
		p.cutOffsets()
	}
	pool.For(s.Batch*c.p.In, 1, func(worker, first, last int) {
		work := scratch[worker*each:][:each]
		from, work := work[:in], work[roundUp(in, cacheLine):]
		to, work := work[:d.multiplier*out], work[roundUp(d.multiplier*out, cacheLine):]
		w := depthwiseWorkers.Get().(*depthwiseWorker)
		for plane := first; plane < last; plane++ {
			c.bk.widenRow(from, src[plane*in:][:in], int32(c.xZero), 1)
			channel := plane % d.channels
			if flat {
				for y := 0; y < f.outH; y += f.bandRows {
					f.bandOf(work[:f.inputLen()], work[f.inputLen():][:f.outputLen()], to, from, channel, y)
				}
			} else {
				w.rows = work[:p.count()]
				for y := 0; y < p.outH; y += p.bandRows {
					p.bandOf(w, to, from, channel, y)
				}
			}
			for m := range d.multiplier {
				k := channel*d.multiplier + m
				c.bk.narrowRow(dst[(plane*d.multiplier+m)*out:][:out], to[m*out:], c.bias[k], c.scale[k], c.lo, c.hi, c.zero)
			}
		}
		w.rows = nil
		depthwiseWorkers.Put(w)
	})
	return nil
}
