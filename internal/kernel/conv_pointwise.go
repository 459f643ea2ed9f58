package kernel

import "runtime"

// A pointwise convolution is a matrix product with the image as it lies: B's rows are the channels. Where A has so few
// rows that packing B would cost more than reading it from far-apart rows a few times over, it is not packed.

// pointwisePanels is how many panels of A read B in its place.
const pointwisePanels = 6

// pointwise reports whether a run is of that kind.
func (c *Conv) pointwise(s *ConvShape) bool {
	p := &c.p
	plane := product(s.In)
	if c.mk.asm == nil || p.Taps() != 1 || ceilDiv(p.Out/p.Groups, c.mk.rows) > pointwisePanels || plane < c.mk.cols {
		return false
	}
	for i := range s.In {
		if p.Strides[i] != 1 || s.Pad[i] != 0 || s.In[i] != s.Out[i] {
			return false
		}
	}
	// Rows a multiple of a page apart would all fall into the same few places of the caches.
	const page = 1024
	return (plane+cacheLine)%page > 2*cacheLine
}

// pointwiseTile is how many columns a task computes.
const pointwiseTile = 512

// pointwiseScratch is what one thread wants: the columns that do not fill a panel, and their tile.
func (c *Conv) pointwiseScratch() int {
	return roundUp(c.p.In/c.p.Groups*c.mk.cols, cacheLine) + roundUp(c.mk.tileSize(), cacheLine)
}

func (c *Conv) runPointwise(pool *Pool, scratch, dst, src []float32, s *ConvShape) {
	mk, p, plane := c.mk, &c.p, product(s.In)
	in, out := p.In/p.Groups, p.Out/p.Groups
	groups, each := c.matrices(), c.pointwiseScratch()
	if need := pool.Threads() * each; len(scratch) < need {
		scratch = make([]float32, need)
	}
	defer runtime.KeepAlive(groups) // whose memory is not the heap's
	tiles := ceilDiv(plane, pointwiseTile)
	pool.For(s.Batch*p.Groups*tiles, 1, func(worker, lo, hi int) {
		work := scratch[worker*each:][:each]
		block, edge := work[:in*mk.cols], work[roundUp(in*mk.cols, cacheLine):]
		for task := lo; task < hi; task++ {
			product, j0 := task/tiles, task%tiles*pointwiseTile
			a, b, o := groups[product%p.Groups], src[product*in*plane:][:in*plane], dst[product*out*plane:][:out*plane]
			j1 := min(j0+pointwiseTile, plane)
			whole := (j1 - j0) / mk.cols * mk.cols
			c.columnsInPlace(a, b[j0:], o[j0:], plane, whole)
			if rest := j1 - j0 - whole; rest > 0 {
				packCols(block, b[j0+whole:], in, rest, mk.cols, in, plane, 1)
				mk.multiply(o[j0+whole:], plane, a, 0, a.count, []run{{n: in}}, block, in, rest, c.clamp[0], c.clamp[1], finish, edge)
			}
		}
	})
}

// columnsInPlace multiplies n columns of b, a multiple of the micro-kernel's.
func (c *Conv) columnsInPlace(a *packedRows, b, dst []float32, plane, n int) {
	mk := c.mk
	for j := 0; j < n; j += mk.cols {
		for q := range a.count {
			at, rows := a.start(q), a.rows(q)
			panel, to := a.data[at*a.k:][:rows*a.k], dst[at*plane+j:]
			from, bias := b[j:(a.k-1)*plane+j+mk.cols], a.bias[at:][:rows]
			_ = to[(rows-1)*plane+mk.cols-1]
			mk.asm[rows](a.k, &panel[0], &from[0], plane, &to[0], plane, &bias[0], c.clamp[0], c.clamp[1], finish)
		}
	}
}
