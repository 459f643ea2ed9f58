package gorgoniaop

import "autodeeplab/internal/kernel"

// Slots of the memory that all workers share during a backward pass.
const (
	slabBlocks  = iota // gradients of the blocks, [transitions, blocks, C, pixels]
	slabShared         // their sums over the transitions, for state 1
	slabEdges          // gradients that reach one state through its separable convolutions, [instances, edges, 2, C, pixels]
	slabAtrous         // before the atrous convolutions' normalisation, [instances, 2, edges · C, pixels]
	slabImages         // gradients that reach one state through the atrous convolutions, [instances, C, pixels]
	slabColumns        // what they sum over, by instance and chunk
	slabPools          // gradients that reach one state without ReLU, [instances, C, pixels]
)

// cellGrads is what a backward pass works on.
type cellGrads[T kernel.Float] struct {
	weights, alpha, dweights []T
	blocks                   []T       // see slabBlocks
	shared                   []T       // see slabShared
	dots                     []float64 // gradient of α, [transitions, edges, 8]
}

// block gives the gradient of a block as an instance of a state sees it.
func (c *cell[T]) blockGrad(g *cellGrads[T], state, t, block int) []T {
	size := c.Channels * c.pixels
	if state == 1 {
		return g.shared[block*size:][:size]
	}
	return g.blocks[(t*c.Blocks+block)*size:][:size]
}

func (c *cell[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	size, moves := c.Channels*c.pixels, len(c.Moves)
	beta := in[c.betaAt()]
	g := &cellGrads[T]{weights: in[c.weightsAt()], alpha: in[c.alphaAt()], dweights: din[c.weightsAt()],
		blocks: c.env.slab(slabBlocks, moves*c.Blocks*size),
		shared: c.env.slab(slabShared, c.Blocks*size),
		dots:   make([]float64, moves*AlphaEdges(c.Blocks)*numOps),
	}

	dbeta := make([]float64, moves*c.Blocks)
	c.env.each(len(dbeta), func(w *worker[T], i int) {
		t, block := i/c.Blocks, i%c.Blocks
		dbeta[i] = kernel.Dot(dout[block*size:][:size], c.blocks[t][block])
		kernel.ScaleTo(c.blockGrad(g, 0, t, block), beta[c.Moves[t]], dout[block*size:][:size])
	})
	clear(din[c.betaAt()])
	for i, v := range dbeta {
		din[c.betaAt()][c.Moves[i/c.Blocks]] += T(v)
	}

	// A state's consumers are all later blocks, so the states are done from the last to the first.
	for j := len(c.states) - 1; j >= 0; j-- {
		if !c.present(j) {
			continue
		}
		if j == 1 {
			c.sumBlocks(g)
		}
		c.edgesBackward(g, j, func(t int) (dst []T, add bool) {
			switch j {
			case 0:
				return din[t], false
			case 1:
				return din[moves], false
			}
			return c.blockGrad(g, j, t, j-2), true
		})
	}

	dalpha := din[c.alphaAt()]
	clear(dalpha)
	for t := range moves {
		for i, v := range g.dots[t*len(dalpha):][:len(dalpha)] {
			dalpha[i] += T(v)
		}
	}
	return nil
}

// sumBlocks adds the blocks' gradients over the transitions.
func (c *cell[T]) sumBlocks(g *cellGrads[T]) {
	size := c.Channels * c.pixels
	c.env.each(c.Blocks, func(w *worker[T], block int) {
		dst := g.shared[block*size:][:size]
		copy(dst, c.blockGrad(g, 0, 0, block))
		for t := 1; t < len(c.Moves); t++ {
			kernel.AddTo(dst, c.blockGrad(g, 0, t, block))
		}
	})
}

// edgesBackward takes the gradients of the blocks that a state's edges end at back to the state, to its edges' weights
// and to α. into says where an instance's gradient goes, and whether it is added to what is there.
func (c *cell[T]) edgesBackward(g *cellGrads[T], state int, into func(t int) (dst []T, add bool)) {
	size, edges, instances := c.Channels*c.pixels, c.edges(state), len(c.states[state])
	at := c.stateWeights(state)
	dsep := c.env.slab(slabEdges, instances*edges*2*size)
	datr := c.env.slab(slabAtrous, instances*2*edges*size)
	dimage := c.env.slab(slabImages, instances*size)
	columns := c.env.slab(slabColumns, instances*c.terms()*c.pixels)
	dpool := c.env.slab(slabPools, instances*size)

	for t, s := range c.states[state] {
		for e := range edges {
			c.task(func(*worker[T]) {
				block := firstBlock(state) + e
				dy := c.blockGrad(g, state, t, block)
				alpha := g.alpha[alphaEdge(block, state)*numOps:][:numOps]
				dots := c.dots(g, t, block, state)
				for k := range kernelSizes {
					dots[atrOps[k]] = c.normsBackward(datr[((t*2+k)*edges+e)*size:][:size], alpha[atrOps[k]], dy,
						s.atr[k][e*size:][:size], s.inverse[k][e*c.Channels:][:c.Channels])
				}
				dots[opMaxPool] = kernel.Dot(dy, s.max)
				dots[opAvgPool] = kernel.Dot(dy, s.avg)
				dots[opSkip] = kernel.Dot(dy, s.x)
			})
		}
		if !c.env.FreezeWeights {
			for _, ch := range c.chunks {
				c.task(func(w *worker[T]) { c.atrousColumns(w, c.columnsOf(columns, t, ch), s.x, ch) })
			}
		}
	}
	c.run()

	if !c.env.FreezeWeights {
		rows := edges * c.Channels
		for k := len(kernelSizes) - 1; k >= 0; k-- {
			for lo := 0; lo < rows; lo += weightRows {
				c.task(func(w *worker[T]) {
					c.atrousWeights(w, g.dweights, at, columns, datr, edges, k, lo, min(lo+weightRows, rows))
				})
			}
		}
	}
	for t := range instances {
		for _, ch := range c.chunks {
			c.task(func(w *worker[T]) {
				c.atrousImage(w, dimage[t*size:][:size], at, g.weights, datr[t*2*edges*size:][:2*edges*size], edges, ch)
			})
		}
	}
	for k := len(kernelSizes) - 1; k >= 0; k-- {
		for e := range edges {
			c.task(func(w *worker[T]) {
				for t := range instances { // one after another, as they add to the same weights
					c.sepBackward(w, dsep[((t*edges+e)*2+k)*size:][:size], g, at, state, t, e, k)
				}
			})
		}
	}
	for t, s := range c.states[state] {
		c.task(func(w *worker[T]) { c.poolsBackward(w, dpool[t*size:][:size], g, s, state, t) })
	}
	c.run()

	c.env.each(instances*c.Channels, func(w *worker[T], i int) {
		t, at := i/c.Channels, i%c.Channels*c.pixels
		sum := dimage[t*size+at:][:c.pixels]
		for e := range 2 * edges {
			kernel.AddTo(sum, dsep[(t*edges*2+e)*size+at:][:c.pixels])
		}
		kernel.ReluGrad(sum, sum, c.states[state][t].x[at:][:c.pixels])
		kernel.AddTo(sum, dpool[t*size+at:][:c.pixels])
		dst, add := into(t)
		if add {
			kernel.AddTo(dst[at:][:c.pixels], sum)
		} else {
			copy(dst[at:][:c.pixels], sum)
		}
	})
}

// dots is where the gradient of α of an edge goes.
func (c *cell[T]) dots(g *cellGrads[T], t, block, state int) []float64 {
	return g.dots[(t*AlphaEdges(c.Blocks)+alphaEdge(block, state))*numOps:][:numOps]
}

// normsBackward writes the gradient before the normalisation of all channels from a·dy behind it, and returns Σ dy·y.
func (c *cell[T]) normsBackward(dst []T, a T, dy, y, inverse []T) (total float64) {
	for i := range c.Channels {
		at := i * c.pixels
		sum, dot := kernel.SumDot(dy[at:][:c.pixels], y[at:][:c.pixels])
		normaliseGrad(dst[at:][:c.pixels], a, dy[at:][:c.pixels], y[at:][:c.pixels], inverse[i], sum, dot)
		total += dot
	}
	return total
}

// sepBackward goes back through both halves of an edge's separable convolution, from the block's gradient to dst, before
// the first ReLU's mask. The weights' gradients are those of instance 0, and are added to by the others.
func (c *cell[T]) sepBackward(w *worker[T], dst []T, g *cellGrads[T], at stateWeights, state, t, e, k int) {
	size := c.Channels * c.pixels
	s, block := c.states[state][t], firstBlock(state)+e
	before := w.slab(2, size) // the gradient behind the pointwise convolution
	deep := w.slab(3, size)   // what lies between the convolutions, then its gradient
	taps, back := c.taps[k], c.back[k]
	first, span := c.halo.First(), c.halo.Span()
	sums := w.slab(1, c.halo.Len())
	for half := 1; half >= 0; half-- {
		h := &s.edges[e].sep[k][half]
		x := s.x
		if half == 1 {
			x = s.edges[e].sep[k][0].y
			a := g.alpha[alphaEdge(block, state)*numOps+sepOps[k]]
			c.dots(g, t, block, state)[sepOps[k]] = c.normsBackward(before, a, c.blockGrad(g, state, t, block), h.y, h.inverse)
		} else {
			c.normsBackward(before, 1, dst, h.y, h.inverse)
		}
		filters := c.depthwiseWeights(at, g.weights, e, k, half)
		p := c.pointwise(at, g.weights, e, k, half)
		dy := kernel.Matrix[T]{Data: before, Row: c.pixels, Col: 1}
		if !c.env.FreezeWeights {
			c.depthwise(w, deep, x, filters, k)
			w.products.Multiply(c.pointwise(at, g.dweights, e, k, half).Data, c.Channels, c.Channels, c.Channels, c.pixels,
				dy, kernel.Matrix[T]{Data: deep, Row: 1, Col: c.pixels}, t > 0)
		}
		w.products.Multiply(deep, c.pixels, c.Channels, c.pixels, c.Channels, kernel.Matrix[T]{Data: p.Data, Row: p.Col, Col: p.Row}, dy, false)
		for i := range c.Channels {
			row := i * c.pixels
			d := bordered(w, 0, c.halo, deep[row:][:c.pixels], 0)
			if !c.env.FreezeWeights {
				df := c.depthwiseWeights(at, g.dweights, e, k, half)[i*len(taps):][:len(taps)]
				if t == 0 {
					clear(df)
				}
				kernel.ShiftDots(df, d[first:first+span], c.rectified(w, 4, c.halo, x[row:][:c.pixels]), first, taps)
			}
			kernel.ShiftSum(sums[first:first+span], d, first, back, filters[i*len(taps):][:len(taps)])
			kernel.Compress(c.halo, dst[row:][:c.pixels], sums, 0)
			if half == 1 {
				kernel.ReluGrad(dst[row:][:c.pixels], dst[row:][:c.pixels], x[row:][:c.pixels])
			}
		}
	}
}

// poolsBackward writes what reaches a state through pools and skip connections, of all its edges together: they are
// linear, so that the edges' gradients are added up first.
func (c *cell[T]) poolsBackward(w *worker[T], dst []T, g *cellGrads[T], s *cellState[T], state, t int) {
	first, span := c.halo1.First(), c.halo1.Span()
	sum := w.slab(1, c.pixels)
	out := w.slab(2, c.halo1.Len())
	mix := func(op, at int) {
		clear(sum)
		for e := range s.edges {
			block := firstBlock(state) + e
			kernel.Axpy(sum, g.alpha[alphaEdge(block, state)*numOps+op], c.blockGrad(g, state, t, block)[at:][:c.pixels])
		}
	}
	for i := range c.Channels {
		at := i * c.pixels
		mix(opSkip, at)
		copy(dst[at:][:c.pixels], sum)

		mix(opAvgPool, at)
		kernel.MulTo(sum, c.shares)
		run := bordered(w, 0, c.halo1, sum, 0)
		kernel.ShiftSum(out[first:first+span], run, first, c.poolTaps, ones[T](len(c.poolTaps)))
		kernel.CompressAdd(c.halo1, dst[at:][:c.pixels], out, 0)

		mix(opMaxPool, at)
		run = bordered(w, 0, c.halo1, sum, 0)
		clear(out)
		kernel.ShiftMaxGrad(out, first, run[first:first+span], s.which[i*span:][:span], c.poolTaps)
		kernel.CompressAdd(c.halo1, dst[at:][:c.pixels], out, 0)
	}
}

// weightRows is how many rows of the atrous kernels' gradient one task handles at most.
const weightRows = 64

// columnsOf gives the part of slabColumns for a chunk of an instance.
func (c *cell[T]) columnsOf(columns []T, t int, ch chunk) []T {
	return columns[c.terms()*(t*c.pixels+ch.first):][:c.terms()*ch.cols]
}

// atrousWeights writes rows [lo, hi) of the gradient of the atrous kernels of one size of all edges.
func (c *cell[T]) atrousWeights(w *worker[T], dweights []T, at stateWeights, columns, datr []T, edges, k, lo, hi int) {
	terms, rows := kernelSizes[k]*kernelSizes[k]*c.Channels, edges*c.Channels
	dw := dweights[at.atr[k]:][lo*terms : hi*terms]
	if len(c.atrous.offsets)*c.Channels < terms {
		clear(dw) // taps that reach no image have none
	}
	for t := range len(datr) / (2 * rows * c.pixels) {
		before := datr[((t*2+k)*rows+lo)*c.pixels:]
		for i, ch := range c.chunks {
			col := c.columnsOf(columns, t, ch)
			for _, b := range c.atrous.bands[k] {
				w.products.Multiply(dw[b.kernel*c.Channels:], terms, hi-lo, b.n*c.Channels, ch.cols,
					kernel.Matrix[T]{Data: before[ch.first:], Row: c.pixels, Col: 1},
					kernel.Matrix[T]{Data: col[b.offset*c.Channels*ch.cols:], Row: 1, Col: ch.cols}, t+i > 0)
			}
		}
	}
}

// atrousImage writes what reaches a chunk of a state through the atrous convolutions of all edges.
func (c *cell[T]) atrousImage(w *worker[T], dst []T, at stateWeights, weights, before []T, edges int, ch chunk) {
	b := c.atrous.border
	b.N = ch.n1 - ch.n0
	rows, cols, image := edges*c.Channels, ch.cols, c.h*c.w
	col := w.slab(0, c.terms()*cols)
	// The larger kernel's bands cover all live taps; the smaller one's are then added.
	for k := len(kernelSizes) - 1; k >= 0; k-- {
		terms := kernelSizes[k] * kernelSizes[k] * c.Channels
		for _, band := range c.atrous.bands[k] {
			w.products.Multiply(col[band.offset*c.Channels*cols:], cols, band.n*c.Channels, cols, rows,
				kernel.Matrix[T]{Data: weights[at.atr[k]+band.kernel*c.Channels:], Row: 1, Col: terms},
				kernel.Matrix[T]{Data: before[k*rows*c.pixels+ch.first:], Row: c.pixels, Col: 1}, k == 0)
		}
	}
	for i := range c.Channels {
		run := w.slab(1, b.Len())
		clear(run)
		for t, offset := range c.atrous.offsets {
			kernel.ExpandAdd(b, run, col[(t*c.Channels+i)*cols:][:cols], offset)
		}
		kernel.Compress(b, dst[i*c.pixels+ch.n0*image:][:b.N*image], run, 0)
	}
}
