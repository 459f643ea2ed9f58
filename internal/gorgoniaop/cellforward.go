package gorgoniaop

import "autodeeplab/internal/kernel"

func (c *cell[T]) forward(in [][]T, out []T) error {
	if c.states[0] == nil || c.env.Evaluate {
		c.allocate()
	}
	weights, alpha, beta := in[c.weightsAt()], in[c.alphaAt()], in[c.betaAt()]
	for t := range c.Moves {
		c.states[0][t].x = in[t]
	}
	if c.Previous {
		c.states[1][0].x = in[len(c.Moves)]
	}
	for j := range c.states {
		c.edgesForward(j, weights)
		if j > 0 {
			c.blockForward(j-1, alpha)
		}
	}
	size := c.Channels * c.pixels
	c.env.each(c.Blocks*c.Channels, func(w *worker[T], row int) {
		dst := out[row*c.pixels:][:c.pixels]
		at := row * c.pixels % size
		for t, m := range c.Moves {
			src := c.blocks[t][row/c.Channels][at:][:c.pixels]
			if t == 0 {
				kernel.ScaleTo(dst, beta[m], src)
			} else {
				kernel.Axpy(dst, beta[m], src)
			}
		}
	})
	return nil
}

// edgesForward computes all that leaves a state.
func (c *cell[T]) edgesForward(state int, weights []T) {
	at := c.stateWeights(state)
	for _, s := range c.states[state] {
		for _, ch := range c.chunks {
			c.task(func(w *worker[T]) { c.atrousForward(w, s, at, weights, ch) })
		}
		for e := range s.edges {
			for k := range kernelSizes {
				c.task(func(w *worker[T]) { c.sepForward(w, s, at, weights, e, k) })
			}
		}
		c.task(func(w *worker[T]) { c.poolsForward(w, s) })
	}
	c.run()
	for _, s := range c.states[state] {
		for e := range s.edges {
			for k := range kernelSizes {
				c.task(func(w *worker[T]) {
					m := c.norm(s, e, atrSlot(k))
					for i := range c.Channels {
						row := e*c.Channels + i
						s.inverse[k][row] = c.env.normalise(s.atr[k][row*c.pixels:][:c.pixels], m, i, c.Epsilon)
					}
				})
			}
		}
	}
	c.run()
}

// sepForward is ReLU → depthwise → pointwise → normalisation, twice.
func (c *cell[T]) sepForward(w *worker[T], s *cellState[T], at stateWeights, weights []T, e, k int) {
	x := s.x
	for half := range 2 {
		h := &s.edges[e].sep[k][half]
		deep := w.slab(2, c.Channels*c.pixels)
		c.depthwise(w, deep, x, c.depthwiseWeights(at, weights, e, k, half), k)
		w.products.Multiply(h.y, c.pixels, c.Channels, c.pixels, c.Channels, c.pointwise(at, weights, e, k, half),
			kernel.Matrix[T]{Data: deep, Row: c.pixels, Col: 1}, false)
		m := c.norm(s, e, sepSlot(k, half))
		for i := range c.Channels {
			h.inverse[i] = c.env.normalise(h.y[i*c.pixels:][:c.pixels], m, i, c.Epsilon)
		}
		x = h.y
	}
}

// depthwiseWeights are [C, k·k], pointwise ones [C, C].
func (c *cell[T]) depthwiseWeights(at stateWeights, weights []T, e, k, half int) []T {
	n := c.Channels * len(c.taps[k])
	return weights[at.sep[k][half].depthwise+e*n:][:n]
}

func (c *cell[T]) pointwise(at stateWeights, weights []T, e, k, half int) kernel.Matrix[T] {
	n := c.Channels * c.Channels
	return kernel.Matrix[T]{Data: weights[at.sep[k][half].pointwise+e*n:][:n], Row: c.Channels, Col: 1}
}

// depthwise writes ReLU → depthwise convolution of all channels of x.
func (c *cell[T]) depthwise(w *worker[T], dst, x, weights []T, k int) {
	taps := c.taps[k]
	sums := w.slab(1, c.halo.Len())
	first, span := c.halo.First(), c.halo.Span()
	for i := range c.Channels {
		run := c.rectified(w, 0, c.halo, x[i*c.pixels:][:c.pixels])
		kernel.ShiftSum(sums[first:first+span], run, first, taps, weights[i*len(taps):][:len(taps)])
		kernel.Compress(c.halo, dst[i*c.pixels:][:c.pixels], sums, 0)
	}
}

// rectified expands the ReLU of one channel into slab slot of w, within zeros; and uses slot 7 on the way.
func (c *cell[T]) rectified(w *worker[T], slot int, b kernel.Border, row []T) []T {
	positive := w.slab(7, len(row))
	kernel.Relu(positive, row)
	return bordered(w, slot, b, positive, 0)
}

func (c *cell[T]) poolsForward(w *worker[T], s *cellState[T]) {
	first, span := c.halo1.First(), c.halo1.Span()
	sums := w.slab(1, c.halo1.Len())
	for i := range c.Channels {
		row, at := s.x[i*c.pixels:][:c.pixels], i*c.pixels
		run := bordered(w, 0, c.halo1, row, T(leastFloat))
		kernel.ShiftMax(sums[first:first+span], s.which[i*span:][:span], run, first, c.poolTaps)
		kernel.Compress(c.halo1, s.max[at:][:c.pixels], sums, 0)

		run = bordered(w, 0, c.halo1, row, 0)
		kernel.ShiftSum(sums[first:first+span], run, first, c.poolTaps, ones[T](len(c.poolTaps)))
		kernel.Compress(c.halo1, s.avg[at:][:c.pixels], sums, 0)
		kernel.MulTo(s.avg[at:][:c.pixels], c.shares)
	}
}

func ones[T kernel.Float](n int) []T {
	return []T{1, 1, 1, 1, 1, 1, 1, 1, 1}[:n]
}

// atrousColumns gathers what the atrous convolutions of a chunk sum over, [live taps · C, columns].
func (c *cell[T]) atrousColumns(w *worker[T], col, x []T, ch chunk) {
	b := c.atrous.border
	b.N = ch.n1 - ch.n0
	cols := ch.cols
	image := c.h * c.w
	for i := range c.Channels {
		run := c.rectified(w, 1, b, x[i*c.pixels+ch.n0*image:][:b.N*image])
		for t, offset := range c.atrous.offsets {
			kernel.Compress(b, col[(t*c.Channels+i)*cols:][:cols], run, offset)
		}
	}
}

// terms is the length of the longest sum of an atrous convolution.
func (c *cell[T]) terms() int { return len(c.atrous.offsets) * c.Channels }

// atrousForward writes the atrous convolutions of all edges for a chunk of columns.
func (c *cell[T]) atrousForward(w *worker[T], s *cellState[T], at stateWeights, weights []T, ch chunk) {
	col := w.slab(0, c.terms()*ch.cols)
	c.atrousColumns(w, col, s.x, ch)
	rows := len(s.edges) * c.Channels
	for k, size := range kernelSizes {
		for i, b := range c.atrous.bands[k] {
			w.products.Multiply(s.atr[k][ch.first:], c.pixels, rows, ch.cols, b.n*c.Channels,
				kernel.Matrix[T]{Data: weights[at.atr[k]+b.kernel*c.Channels:], Row: size * size * c.Channels, Col: 1},
				kernel.Matrix[T]{Data: col[b.offset*c.Channels*ch.cols:], Row: ch.cols, Col: 1}, i > 0)
		}
	}
}

// blockForward adds up a block from the edges that end there.
func (c *cell[T]) blockForward(block int, alpha []T) {
	c.env.each(len(c.Moves)*c.Channels, func(w *worker[T], i int) {
		t, at := i/c.Channels, i%c.Channels*c.pixels
		dst := c.blocks[t][block][at:][:c.pixels]
		clear(dst)
		for j := 0; j <= block+1; j++ {
			if !c.present(j) {
				continue
			}
			s, e := c.at(j, t), block-firstBlock(j)
			a := alpha[alphaEdge(block, j)*numOps:][:numOps]
			kernel.Axpy(dst, a[opMaxPool], s.max[at:][:c.pixels])
			kernel.Axpy(dst, a[opAvgPool], s.avg[at:][:c.pixels])
			kernel.Axpy(dst, a[opSkip], s.x[at:][:c.pixels])
			for k := range kernelSizes {
				kernel.Axpy(dst, a[sepOps[k]], s.edges[e].sep[k][1].y[at:][:c.pixels])
				kernel.Axpy(dst, a[atrOps[k]], s.atr[k][e*c.Channels*c.pixels+at:][:c.pixels])
			}
		}
	})
}
