package gorgoniaop

import "autodeeplab/internal/kernel"

// Axis says how a kernel lies over one spatial axis: output o meets input o·Stride − Begin + k·Dilation under tap k in
// [0, Kernel). What lies outside the input is zero.
type Axis struct{ In, Out, Kernel, Stride, Dilation, Begin int }

// reach gives the outputs [lo, hi) for which tap k lies inside the input, and the input position of output 0.
func (a *Axis) reach(k int) (at, lo, hi int) {
	at = k*a.Dilation - a.Begin
	for lo < a.Out && at+lo*a.Stride < 0 {
		lo++
	}
	hi = a.Out
	for hi > lo && at+(hi-1)*a.Stride >= a.In {
		hi--
	}
	return at, lo, hi
}

// convolver is the arithmetic of a dense convolution of images [C, N, H, W], by matrix products.
type convolver[T kernel.Float] struct {
	in, out, n int
	y, x       Axis
	relu       bool // of the input, before the convolution
	// scatters makes the data's gradient add up what each output gives, whatever the stride. The search has it so: its
	// recorded results go back to the bit.
	scatters bool

	live      []int // the taps that reach the image at all; others need no arithmetic
	chunks    []chunk
	transpose *convolver[T] // the data's gradient as a convolution, for stride 1
	fast      *kernel.TrainedConv
}

// accelerate chooses the kernels of package kernel where there are some.
func (c *convolver[T]) accelerate(threads int) {
	if _, ok := any(T(0)).(float32); !ok || c.relu || c.y.Stride != 1 || c.x.Stride != 1 {
		return
	}
	for _, v := range []*convolver[T]{c, c.turned()} {
		v.fast = kernel.NewTrainedConv(kernel.ConvParams{In: v.in, Out: v.out, Groups: 1, Kernel: []int{v.y.Kernel, v.x.Kernel},
			Strides: []int{1, 1}, Dilations: []int{v.y.Dilation, v.x.Dilation}},
			kernel.ConvShape{Batch: v.n, In: []int{v.y.In, v.x.In}, Out: []int{v.y.Out, v.x.Out}, Pad: []int{v.y.Begin, v.x.Begin}}, threads)
	}
}

// floats is x, whose elements are float32.
func floats[T kernel.Float](x []T) []float32 { return any(x).([]float32) }

// quick is multiply by the kernels that accelerate chose; ok is false if there are none.
func (c *convolver[T]) quick(env *Env[T], dst, x, weights []T, turned, add bool) (ok bool) {
	if c.fast == nil {
		return false
	}
	size := c.out * c.outPixels()
	to := dst[:size]
	if add {
		to = env.slab(5, size)
	}
	c.fast.Run(env.Pool, floats(env.slab(7, c.fast.FilterLen())), floats(env.slab(6, c.fast.Scratch())), floats(to), floats(x[:c.in*c.inPixels()]), floats(weights), turned)
	if add {
		env.each(c.out, func(_ *worker[T], i int) {
			kernel.AddTo(dst[i*c.outPixels():][:c.outPixels()], to[i*c.outPixels():])
		})
	}
	return true
}

func newConvolver[T kernel.Float](in, out, n int, y, x Axis) convolver[T] {
	c := convolver[T]{in: in, out: out, n: n, y: y, x: x, live: []int{}}
	for t := range y.Kernel * x.Kernel {
		_, y0, y1 := c.y.reach(t / x.Kernel)
		_, x0, x1 := c.x.reach(t % x.Kernel)
		if y0 < y1 && x0 < x1 {
			c.live = append(c.live, t)
		}
	}
	c.chunks = cutChunks(n, y.Out, x.Out)
	return c
}

// chunk is what one product handles: output rows [y0, y1) of images [n0, n1), of which several only if the rows are all.
// first and cols are the columns of the product.
type chunk struct{ n0, n1, y0, y1, first, cols int }

// chunkCols is how many columns a chunk has at most, unless one row of pixels is longer.
const chunkCols = 512

// cutChunks cuts n images of h×w.
func cutChunks(n, h, w int) []chunk {
	var list []chunk
	if h*w <= chunkCols {
		return cutImages(n, h, w)
	}
	rows := max(chunkCols/w, 1)
	for i := range n {
		for y := 0; y < h; y += rows {
			end := min(y+rows, h)
			list = append(list, chunk{i, i + 1, y, end, (i*h + y) * w, (end - y) * w})
		}
	}
	return list
}

// cutImages cuts n images of h×w between images only.
func cutImages(n, h, w int) []chunk {
	var list []chunk
	images := max(chunkCols/(h*w), 1)
	for i := 0; i < n; i += images {
		end := min(i+images, n)
		list = append(list, chunk{i, end, 0, h, i * h * w, (end - i) * h * w})
	}
	return list
}

func (c *convolver[T]) inPixels() int  { return c.n * c.y.In * c.x.In }
func (c *convolver[T]) outPixels() int { return c.n * c.y.Out * c.x.Out }
func (c *convolver[T]) taps() int      { return c.y.Kernel * c.x.Kernel }
func (c *convolver[T]) whole() bool    { return len(c.live) == c.taps() }

// pointwise reports whether columns of the product are pixels of the input as they lie.
func (c *convolver[T]) pointwise() bool { return c.y.pointwise() && c.x.pointwise() }

func (a *Axis) pointwise() bool {
	return a.Kernel == 1 && a.Stride == 1 && a.Begin == 0 && a.In == a.Out
}

// terms is the length of the sum of one output element.
func (c *convolver[T]) terms() int { return c.in * len(c.live) }

// columns gives the matrix [terms, ch.cols] of what the outputs of a chunk sum over, in slot 0 of the worker.
func (c *convolver[T]) columns(w *worker[T], x []T, ch chunk) kernel.Matrix[T] {
	pixels := c.inPixels()
	if c.pointwise() && !c.relu {
		return kernel.Matrix[T]{Data: x[ch.first:], Row: pixels, Col: 1}
	}
	col := w.slab(0, c.terms()*ch.cols)
	row := col
	for i := range c.in {
		plane := x[i*pixels:][:pixels]
		if c.pointwise() {
			kernel.Relu(row[:ch.cols], plane[ch.first:][:ch.cols])
			row = row[ch.cols:]
			continue
		}
		for _, t := range c.live {
			c.gather(row[:ch.cols], plane, t, ch)
			row = row[ch.cols:]
		}
	}
	return kernel.Matrix[T]{Data: col, Row: ch.cols, Col: 1}
}

// gather writes what tap t contributes to the outputs of a chunk, from one channel of the batch.
func (c *convolver[T]) gather(row, plane []T, t int, ch chunk) {
	aty, ylo, yhi := c.y.reach(t / c.x.Kernel)
	atx, xlo, xhi := c.x.reach(t % c.x.Kernel)
	s := c.x.Stride
	for n := ch.n0; n < ch.n1; n++ {
		for y := ch.y0; y < ch.y1; y++ {
			dst := row[:c.x.Out]
			row = row[c.x.Out:]
			if y < ylo || y >= yhi {
				clear(dst)
				continue
			}
			src := plane[(n*c.y.In+aty+y*c.y.Stride)*c.x.In:][:c.x.In]
			clear(dst[:xlo])
			clear(dst[xhi:])
			switch dst, src := dst[xlo:xhi], src[atx+xlo*s:]; {
			case s > 1 && c.relu:
				for i := range dst {
					dst[i] = max(src[i*s], 0)
				}
			case s > 1:
				for i := range dst {
					dst[i] = src[i*s]
				}
			case c.relu:
				kernel.Relu(dst, src[:len(dst)])
			default:
				copy(dst, src)
			}
		}
	}
}

// scatter adds a row as gather made it back to where it came from.
func (c *convolver[T]) scatter(plane, row []T, t int, ch chunk) {
	aty, ylo, yhi := c.y.reach(t / c.x.Kernel)
	atx, xlo, xhi := c.x.reach(t % c.x.Kernel)
	s := c.x.Stride
	for n := ch.n0; n < ch.n1; n++ {
		for y := ch.y0; y < ch.y1; y++ {
			src := row[xlo:xhi]
			row = row[c.x.Out:]
			if y < ylo || y >= yhi {
				continue
			}
			dst := plane[(n*c.y.In+aty+y*c.y.Stride)*c.x.In:][:c.x.In][atx+xlo*s:]
			if s == 1 {
				kernel.AddTo(dst[:len(src)], src)
				continue
			}
			for i, v := range src {
				dst[i*s] += v
			}
		}
	}
}

// kernels gives the weights of the live taps as a matrix [out, terms], in a slab of the operator's run.
func (c *convolver[T]) kernels(env *Env[T], weights []T) kernel.Matrix[T] {
	if c.whole() {
		return kernel.Matrix[T]{Data: weights, Row: c.terms(), Col: 1}
	}
	dense := env.slab(3, c.out*c.terms())
	at := 0
	for i := range c.out * c.in {
		for _, t := range c.live {
			dense[at] = weights[i*c.taps()+t]
			at++
		}
	}
	return kernel.Matrix[T]{Data: dense, Row: c.terms(), Col: 1}
}

// multiply computes the convolution of x, or adds it to dst.
func (c *convolver[T]) multiply(env *Env[T], dst, x, weights []T, add bool) {
	if c.quick(env, dst, x, weights, false, add) {
		return
	}
	c.products(env, dst, x, weights, add)
}

// products is multiply by matrix products.
func (c *convolver[T]) products(env *Env[T], dst, x, weights []T, add bool) {
	if len(c.live) == 0 {
		if !add {
			clear(dst[:c.out*c.outPixels()])
		}
		return
	}
	m, pixels := c.kernels(env, weights), c.outPixels()
	env.each(len(c.chunks), func(w *worker[T], i int) {
		ch := c.chunks[i]
		w.products.Multiply(dst[ch.first:], pixels, c.out, ch.cols, c.terms(), m, c.columns(w, x, ch), add)
	})
}

// weightGroups is how many partial sums the gradient of the weights is made of at most.
const weightGroups = 8

// weightGrad computes the gradient of the weights from dy, that of the convolution, or adds it to dw.
func (c *convolver[T]) weightGrad(env *Env[T], dw, x, dy []T, add bool) {
	if c.fast != nil {
		if !add {
			clear(dw)
		}
		products := make([]*kernel.Products[float32], len(env.workers))
		for i, w := range env.workers {
			products[i] = any(&w.products).(*kernel.Products[float32])
		}
		c.fast.WeightGrad(env.Pool, products, floats(env.slab(7, c.fast.FilterLen())), floats(env.slab(6, c.fast.GradScratch())), floats(dw), floats(x), floats(dy))
		return
	}
	c.weightProducts(env, dw, x, dy, add)
}

// weightProducts is weightGrad by matrix products.
func (c *convolver[T]) weightProducts(env *Env[T], dw, x, dy []T, add bool) {
	if !add && !c.whole() {
		clear(dw)
	}
	if len(c.live) == 0 {
		return
	}
	pixels := c.outPixels()
	groups := min(len(c.chunks), weightGroups)
	size := c.out * c.terms()
	partial := env.slab(1, groups*size)
	env.each(groups, func(w *worker[T], g int) {
		sum := partial[g*size:][:size]
		lo, hi := g*len(c.chunks)/groups, (g+1)*len(c.chunks)/groups
		for i, ch := range c.chunks[lo:hi] {
			col := c.columns(w, x, ch)
			w.products.Multiply(sum, c.terms(), c.out, c.terms(), ch.cols,
				kernel.Matrix[T]{Data: dy[ch.first:], Row: pixels, Col: 1}, kernel.Matrix[T]{Data: col.Data, Row: col.Col, Col: col.Row}, i > 0)
		}
	})
	for g := 1; g < groups; g++ {
		kernel.AddTo(partial[:size], partial[g*size:][:size])
	}
	switch {
	case !c.whole():
		at := 0
		for i := range c.out * c.in {
			for _, t := range c.live {
				dw[i*c.taps()+t] += partial[at]
				at++
			}
		}
	case add:
		kernel.AddTo(dw[:size], partial)
	default:
		copy(dw, partial[:size])
	}
}

// imageGrad computes the gradient of the input, taken after its ReLU if there is one, from dy, or adds it to dx.
func (c *convolver[T]) imageGrad(env *Env[T], dx, weights, dy []T, add bool) {
	if !c.scatters && c.y.Stride == 1 && c.x.Stride == 1 {
		if t := c.turned(); !t.quick(env, dx, dy, weights, true, add) {
			t.products(env, dx, dy, c.turn(env, weights), add)
		}
		return
	}
	m, pixels, outs := c.kernels(env, weights), c.inPixels(), c.outPixels()
	back := kernel.Matrix[T]{Data: m.Data, Row: m.Col, Col: m.Row}
	if c.pointwise() {
		env.each(len(c.chunks), func(w *worker[T], i int) {
			ch := c.chunks[i]
			w.products.Multiply(dx[ch.first:], pixels, c.in, ch.cols, c.out, back, kernel.Matrix[T]{Data: dy[ch.first:], Row: outs, Col: 1}, add)
		})
		return
	}
	// Chunks of one image overlap in the input, so an image is one task.
	env.each(c.n, func(w *worker[T], n int) {
		size := c.y.In * c.x.In
		for i := range c.in {
			if !add {
				clear(dx[(i*c.n+n)*size:][:size])
			}
		}
		for _, ch := range c.chunks {
			if n < ch.n0 || n >= ch.n1 || len(c.live) == 0 {
				continue
			}
			one := chunk{n, n + 1, ch.y0, ch.y1, (n*c.y.Out + ch.y0) * c.x.Out, (ch.y1 - ch.y0) * c.x.Out}
			dcol := w.slab(0, c.terms()*one.cols)
			w.products.Multiply(dcol, one.cols, c.terms(), one.cols, c.out, back, kernel.Matrix[T]{Data: dy[one.first:], Row: outs, Col: 1}, false)
			for i := range c.in {
				for j, t := range c.live {
					c.scatter(dx[i*pixels:][:pixels], dcol[(i*len(c.live)+j)*one.cols:][:one.cols], t, one)
				}
			}
		}
	})
}

// turned is the convolution that takes the gradient back, for stride 1: of the output's gradient, with the kernels
// turned by half a turn and input and output channels swapped.
func (c *convolver[T]) turned() *convolver[T] {
	if c.transpose == nil {
		t := newConvolver[T](c.out, c.in, c.n, c.y.turned(), c.x.turned())
		c.transpose = &t
	}
	return c.transpose
}

func (a Axis) turned() Axis {
	return Axis{In: a.Out, Out: a.In, Kernel: a.Kernel, Stride: 1, Dilation: a.Dilation, Begin: (a.Kernel-1)*a.Dilation - a.Begin}
}

// turn gives the weights of the turned convolution, [in, out, taps].
func (c *convolver[T]) turn(env *Env[T], weights []T) []T {
	taps := c.taps()
	turned := env.slab(4, c.in*c.out*taps)
	env.each(c.in, func(_ *worker[T], i int) {
		for o := range c.out {
			from, to := weights[(o*c.in+i)*taps:][:taps], turned[(i*c.out+o)*taps:][:taps]
			for t, v := range from {
				to[taps-1-t] = v
			}
		}
	})
	return turned
}
