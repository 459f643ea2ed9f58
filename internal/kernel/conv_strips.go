package kernel

// strip is a stretch of columns of the output under which the same columns of the kernel lie in the image.
type strip struct{ x0, n int }

// columnsInside gives the output columns [lo, hi) for which column k of the kernel lies in the image.
func (c *Conv) columnsInside(s *ConvShape, k int) (lo, hi int) {
	last := len(s.Out) - 1
	stride, shift := c.p.Strides[last], k*c.p.Dilations[last]-s.Pad[last]
	lo = min(ceilDiv(max(-shift, 0), stride), s.Out[last])
	hi = max(min(ceilDiv(max(s.In[last]-shift, 0), stride), s.Out[last]), lo)
	return lo, hi
}

// stripShare is the share of the arithmetic below which the output is worth cutting into strips.
const stripShare = 0.9

// maxStrips is what a kernel of 5 columns can need. Wider kernels in as much padding would end up in splinters.
const maxStrips = 9

// strips cuts the output so that no column of the kernel that lies beside the image costs arithmetic: a convolution of
// rate 36 on a 65×65 map has three strips with one or two columns each of the kernel's three. Rows need no strips, as
// the tiles of a run are a few rows high. It gives nil where the whole would have little more to do, or no more, as
// strips of small maps leave the most of a micro-kernel's columns empty.
//
// inside is the share of the arithmetic that is left, or 1 if there are no strips.
func (c *Conv) strips(s *ConvShape) (list []strip, inside float64) {
	last := len(s.Out) - 1
	kernel, width, rows := c.p.Kernel[last], s.Out[last], product(s.Out[:last])
	whole := roundUp(rows*width, c.mk.cols) * kernel
	sum := 0
	for x := 0; x < width; {
		end, columns := width, 0
		for k := range kernel {
			lo, hi := c.columnsInside(s, k)
			for _, cut := range [2]int{lo, hi} {
				if cut > x {
					end = min(end, cut)
				}
			}
			if lo <= x && x < hi {
				columns++
			}
		}
		if len(list) == maxStrips {
			return nil, 1
		}
		list = append(list, strip{x, end - x})
		sum += roundUp(rows*(end-x), c.mk.cols) * columns
		x = end
	}
	inside = float64(sum) / float64(max(whole, 1))
	if inside > stripShare || len(list) == 1 {
		return nil, 1
	}
	return list, inside
}

// shape is that of a strip alone.
func (t strip) shape(c *Conv, s *ConvShape) ConvShape {
	q, last := *s, len(s.Out)-1
	q.Out, q.Pad = append([]int(nil), s.Out...), append([]int(nil), s.Pad...)
	q.Out[last] = t.n
	q.Pad[last] -= t.x0 * c.p.Strides[last]
	return q
}

// stripSink puts a strip's tiles in their place.
type stripSink struct {
	strip
	dst          []float32
	out          int // channels of the output, of all groups
	perGroup     int
	width, plane int
}

func (t *stripSink) blockwise() bool { return false }

func (t *stripSink) take(w *convWorker, image, group, m0, rows, j0, cols int, _, _ bool) {
	for r := range rows {
		plane := t.dst[(image*t.out+group*t.perGroup+m0+r)*t.plane:][:t.plane]
		for from, j := w.tile[r*cols:][:cols], j0; len(from) > 0; {
			x := j % t.n
			n := min(t.n-x, len(from))
			copy(plane[j/t.n*t.width+t.x0+x:], from[:n])
			from, j = from[n:], j+n
		}
	}
}

// runStrips computes the strips one after another.
func (c *Conv) runStrips(pool *Pool, scratch, dst, src []float32, s *ConvShape, list []strip) {
	for _, t := range list {
		q := t.shape(c, s)
		sink := stripSink{strip: t, dst: dst, out: c.p.Out, perGroup: c.p.Out / c.p.Groups, width: s.Out[len(s.Out)-1], plane: product(s.Out)}
		c.run(pool, scratch, dst, src, &q, &sink)
	}
}
