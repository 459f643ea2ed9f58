package kernel

import "runtime"

// A pointwise convolution is a matrix product with the image as it lies: B's rows are the channels, far apart, and are
// not packed. A block of channels of a panel of A stays in the first-level cache while the columns of a tile go by, and
// the tile's block of B in the second until the last panel of A has read it. On Zen 4 this is an eighth quicker than
// packing even for 1280 channels in and 256 out; without the blocks of channels Sapphire Rapids loses a quarter.

// pointwise reports whether a run is of that kind.
func (c *Conv) pointwise(s *ConvShape) bool {
	p := &c.p
	plane := product(s.In)
	if c.mk.asm == nil || p.Taps() != 1 || plane < c.mk.cols {
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

// pointwiseTile is how many columns a task computes, and leastPointwiseTile how few where threads would go without.
const (
	pointwiseTile      = 512
	leastPointwiseTile = 128
)

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
	width := pointwiseTile
	for pool.Threads() > 1 && width > leastPointwiseTile && s.Batch*p.Groups*ceilDiv(plane, width) < 4*pool.Threads() {
		width /= 2
	}
	tiles := ceilDiv(plane, width)
	panels := groups[0].count
	chunks := shareRows(s.Batch*p.Groups*tiles, panels, pool.Threads())
	pool.For(s.Batch*p.Groups*tiles*chunks, 1, func(worker, lo, hi int) {
		work := scratch[worker*each:][:each]
		block, edge := work[:in*mk.cols], work[roundUp(in*mk.cols, cacheLine):]
		for task := lo; task < hi; task++ {
			product, j0 := task/chunks/tiles, task/chunks%tiles*width
			q0, q1 := task%chunks*panels/chunks, (task%chunks+1)*panels/chunks
			a, b, o := groups[product%p.Groups], src[product*in*plane:][:in*plane], dst[product*out*plane:][:out*plane]
			j1 := min(j0+width, plane)
			whole := (j1 - j0) / mk.cols * mk.cols
			c.columnsInPlace(a, q0, q1, b[j0:], o[j0:], plane, whole)
			if rest := j1 - j0 - whole; rest > 0 {
				packCols(block, b[j0+whole:], in, rest, mk.cols, in, plane, 1)
				mk.multiply(o[a.start(q0)*plane+j0+whole:], plane, a, q0, q1, []run{{n: in}}, block, in, rest, c.clamp[0], c.clamp[1], finish, edge)
			}
		}
	})
}

// columnsInPlace multiplies n columns of b, a multiple of the micro-kernel's, by panels [q0, q1) of a.
func (c *Conv) columnsInPlace(a *packedRows, q0, q1 int, b, dst []float32, plane, n int) {
	mk := c.mk
	if n == 0 {
		return
	}
	blocks := ceilDiv(a.k, blockK)
	for block := range blocks {
		k0, k1 := block*a.k/blocks, (block+1)*a.k/blocks
		flags := 0
		if k0 > 0 {
			flags |= accumulate
		}
		if k1 == a.k {
			flags |= finish
		}
		for q := q0; q < q1; q++ {
			at, rows := a.start(q), a.rows(q)
			panel, bias := a.data[at*a.k+k0*rows:][:(k1-k0)*rows], a.bias[at:][:rows]
			from, to := b[k0*plane:(k1-1)*plane+n], dst[at*plane:(at+rows-1)*plane+n]
			for j := 0; j < n; j += mk.cols {
				mk.asm[rows](k1-k0, &panel[0], &from[j], plane, &to[j], plane, &bias[0], c.clamp[0], c.clamp[1], flags)
			}
		}
	}
}
