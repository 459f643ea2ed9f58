package gorgoniaop

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"autodeeplab/internal/kernel"
)

// ConvOptions say what Conv does besides convolving.
type ConvOptions[T kernel.Float] struct {
	Relu             bool // ReLU before the convolution
	Stride, Dilation int  // 0 counts as 1
	// Norm makes batch normalisation without scale and shift follow; Moments then holds its moving averages.
	Norm    bool
	Epsilon float64
	Moments Moments[T]
	// Bias adds the operator's third input, one value a channel; not together with Norm, which would take it out again.
	Bias bool
	// Image says that the input needs no gradient.
	Image bool
}

// Conv adds [ReLU →] convolution [→ batch normalisation | + bias] to the graph of its inputs: x [C, N, H, W] and weights
// [M, C, k, k] (and bias [M]) give [M, N, ⌈H/stride⌉, ⌈W/stride⌉]. Padding is TensorFlow's SAME: where it is uneven, the
// extra row or column is at the bottom or right.
func Conv[T kernel.Float](env *Env[T], o ConvOptions[T], in ...*gorgonia.Node) (*gorgonia.Node, error) {
	o.Stride, o.Dilation = max(o.Stride, 1), max(o.Dilation, 1)
	var constant []int
	if o.Image {
		constant = []int{0}
	}
	return apply(env, &conv[T]{env: env, o: o}, constant, in...)
}

type conv[T kernel.Float] struct {
	env *Env[T]
	o   ConvOptions[T]

	in, out         int // channels
	k, n            int // kernel size, batch
	h, w, oh, ow    int
	padTop, padLeft int
	live            []int // the taps that reach the image at all; others need no arithmetic
	chunks          []chunk
	inv             []T // 1/σ of each channel at the last forward pass
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

func (c *conv[T]) String() string {
	return fmt.Sprintf("Conv(relu=%t stride=%d dilation=%d norm=%t bias=%t)", c.o.Relu, c.o.Stride, c.o.Dilation, c.o.Norm, c.o.Bias)
}

func (c *conv[T]) infer(in []tensor.Shape) (tensor.Shape, error) {
	want := 2
	if c.o.Bias {
		want = 3
	}
	if len(in) != want || in[0].Dims() != 4 || in[1].Dims() != 4 {
		return nil, fmt.Errorf("inputs %v, want an image [C, N, H, W], weights [M, C, k, k] and, with bias, [M]", in)
	}
	x, w := in[0], in[1]
	if w[1] != x[0] || w[2] != w[3] || w[2]%2 == 0 {
		return nil, fmt.Errorf("weights %v for an input of %d channels, want [M, %[2]d, k, k] with k odd", w, x[0])
	}
	if c.o.Bias && (c.o.Norm || in[2].Dims() != 1 || in[2][0] != w[0]) {
		return nil, fmt.Errorf("bias %v for %d channels and norm=%t, want [%[2]d] and no normalisation", in[2], w[0], c.o.Norm)
	}
	if c.o.Norm && len(c.o.Moments.Mean) != w[0] {
		return nil, fmt.Errorf("moments of %d channels, want %d", len(c.o.Moments.Mean), w[0])
	}
	if c.live == nil {
		c.in, c.out, c.k = x[0], w[0], w[2]
		c.n, c.h, c.w = x[1], x[2], x[3]
		c.oh, c.padTop = same(c.h, c.k, c.o.Stride, c.o.Dilation)
		c.ow, c.padLeft = same(c.w, c.k, c.o.Stride, c.o.Dilation)
		for t := range c.k * c.k {
			_, y0, y1 := c.reach(t/c.k, c.padTop, c.h, c.oh)
			_, x0, x1 := c.reach(t%c.k, c.padLeft, c.w, c.ow)
			if y0 < y1 && x0 < x1 {
				c.live = append(c.live, t)
			}
		}
		c.chunks = cutChunks(c.n, c.oh, c.ow)
		c.inv = make([]T, c.out)
	}
	return tensor.Shape{c.out, c.n, c.oh, c.ow}, nil
}

// same gives output length and padding before the first element, as TensorFlow's SAME (ONNX's SAME_UPPER) has them.
func same(n, k, stride, dilation int) (out, pad int) {
	out = (n + stride - 1) / stride
	return out, max((out-1)*stride+(k-1)*dilation+1-n, 0) / 2
}

// reach gives the outputs [lo, hi) of an axis for which tap k lies inside the input, and the input position of output 0.
func (c *conv[T]) reach(k, pad, in, out int) (at, lo, hi int) {
	at = k*c.o.Dilation - pad
	for lo < out && at+lo*c.o.Stride < 0 {
		lo++
	}
	hi = out
	for hi > lo && at+(hi-1)*c.o.Stride >= in {
		hi--
	}
	return at, lo, hi
}

// pointwise reports whether columns of the product are pixels of the input as they lie.
func (c *conv[T]) pointwise() bool { return c.k == 1 && c.o.Stride == 1 }

// terms is the length of the sum of one output element.
func (c *conv[T]) terms() int { return c.in * len(c.live) }

// columns gives the matrix [terms, ch.cols] of what the outputs of a chunk sum over, in slot 0 of the worker.
func (c *conv[T]) columns(w *worker[T], x []T, ch chunk) kernel.Matrix[T] {
	pixels := c.n * c.h * c.w
	if c.pointwise() && !c.o.Relu {
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
func (c *conv[T]) gather(row, plane []T, t int, ch chunk) {
	aty, ylo, yhi := c.reach(t/c.k, c.padTop, c.h, c.oh)
	atx, xlo, xhi := c.reach(t%c.k, c.padLeft, c.w, c.ow)
	s := c.o.Stride
	for n := ch.n0; n < ch.n1; n++ {
		for y := ch.y0; y < ch.y1; y++ {
			dst := row[:c.ow]
			row = row[c.ow:]
			if y < ylo || y >= yhi {
				clear(dst)
				continue
			}
			src := plane[(n*c.h+aty+y*s)*c.w:][:c.w]
			clear(dst[:xlo])
			clear(dst[xhi:])
			switch dst, src := dst[xlo:xhi], src[atx+xlo*s:]; {
			case s > 1 && c.o.Relu:
				for i := range dst {
					dst[i] = max(src[i*s], 0)
				}
			case s > 1:
				for i := range dst {
					dst[i] = src[i*s]
				}
			case c.o.Relu:
				kernel.Relu(dst, src[:len(dst)])
			default:
				copy(dst, src)
			}
		}
	}
}

// scatter adds a row as gather made it back to where it came from.
func (c *conv[T]) scatter(plane, row []T, t int, ch chunk) {
	aty, ylo, yhi := c.reach(t/c.k, c.padTop, c.h, c.oh)
	atx, xlo, xhi := c.reach(t%c.k, c.padLeft, c.w, c.ow)
	s := c.o.Stride
	for n := ch.n0; n < ch.n1; n++ {
		for y := ch.y0; y < ch.y1; y++ {
			src := row[xlo:xhi]
			row = row[c.ow:]
			if y < ylo || y >= yhi {
				continue
			}
			dst := plane[(n*c.h+aty+y*s)*c.w:][:c.w][atx+xlo*s:]
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
func (c *conv[T]) kernels(weights []T) kernel.Matrix[T] {
	if len(c.live) == c.k*c.k {
		return kernel.Matrix[T]{Data: weights, Row: c.terms(), Col: 1}
	}
	dense := c.env.slab(3, c.out*c.terms())
	at := 0
	for i := range c.out * c.in {
		for _, t := range c.live {
			dense[at] = weights[i*c.k*c.k+t]
			at++
		}
	}
	return kernel.Matrix[T]{Data: dense, Row: c.terms(), Col: 1}
}

func (c *conv[T]) forward(in [][]T, out []T) error {
	x, weights := in[0], c.kernels(in[1])
	pixels := c.n * c.oh * c.ow
	c.env.each(len(c.chunks), func(w *worker[T], i int) {
		ch := c.chunks[i]
		w.products.Multiply(out[ch.first:], pixels, c.out, ch.cols, c.terms(), weights, c.columns(w, x, ch), false)
	})
	c.env.each(c.out, func(w *worker[T], i int) {
		row := out[i*pixels:][:pixels]
		switch {
		case c.o.Norm:
			c.inv[i] = c.env.normalise(row, c.o.Moments, i, c.o.Epsilon)
		case c.o.Bias:
			b := in[2][i]
			for j := range row {
				row[j] += b
			}
		}
	})
	return nil
}

func (c *conv[T]) backward(in [][]T, out, dout []T, din [][]T) error {
	pixels := c.n * c.oh * c.ow
	dpre := dout
	if c.o.Norm {
		dpre = c.env.slab(0, c.out*pixels)
		c.env.each(c.out, func(w *worker[T], i int) {
			dy, y := dout[i*pixels:][:pixels], out[i*pixels:][:pixels]
			sum, dot := kernel.SumDot(dy, y)
			normaliseGrad(dpre[i*pixels:][:pixels], 1, dy, y, c.inv[i], sum, dot)
		})
	}
	if c.o.Bias && din[2] != nil {
		for i := range c.out {
			din[2][i] = T(kernel.Sum(dout[i*pixels:][:pixels]))
		}
	}
	if din[1] != nil && !c.env.FreezeWeights {
		c.weightGrad(in[0], dpre, din[1])
	}
	if din[0] != nil {
		c.imageGrad(in[0], c.kernels(in[1]), dpre, din[0])
	}
	return nil
}

// weightGroups is how many partial sums the gradient of the weights is made of at most.
const weightGroups = 8

func (c *conv[T]) weightGrad(x, dpre, dw []T) {
	pixels := c.n * c.oh * c.ow
	groups := min(len(c.chunks), weightGroups)
	size := c.out * c.terms()
	partial := c.env.slab(1, groups*size)
	c.env.each(groups, func(w *worker[T], g int) {
		sum := partial[g*size:][:size]
		lo, hi := g*len(c.chunks)/groups, (g+1)*len(c.chunks)/groups
		for i, ch := range c.chunks[lo:hi] {
			col := c.columns(w, x, ch)
			w.products.Multiply(sum, c.terms(), c.out, c.terms(), ch.cols,
				kernel.Matrix[T]{Data: dpre[ch.first:], Row: pixels, Col: 1}, kernel.Matrix[T]{Data: col.Data, Row: col.Col, Col: col.Row}, i > 0)
		}
	})
	for g := 1; g < groups; g++ {
		kernel.AddTo(partial[:size], partial[g*size:][:size])
	}
	if len(c.live) == c.k*c.k {
		copy(dw, partial)
		return
	}
	clear(dw)
	at := 0
	for i := range c.out * c.in {
		for _, t := range c.live {
			dw[i*c.k*c.k+t] = partial[at]
			at++
		}
	}
}

func (c *conv[T]) imageGrad(x []T, weights kernel.Matrix[T], dpre, dx []T) {
	pixels, outs := c.n*c.h*c.w, c.n*c.oh*c.ow
	back := kernel.Matrix[T]{Data: weights.Data, Row: weights.Col, Col: weights.Row}
	dy := func(ch chunk) kernel.Matrix[T] { return kernel.Matrix[T]{Data: dpre[ch.first:], Row: outs, Col: 1} }
	if c.pointwise() {
		c.env.each(len(c.chunks), func(w *worker[T], i int) {
			ch := c.chunks[i]
			w.products.Multiply(dx[ch.first:], pixels, c.in, ch.cols, c.out, back, dy(ch), false)
		})
	} else {
		// Chunks of one image overlap in the input, so an image is one task.
		c.env.each(c.n, func(w *worker[T], n int) {
			for i := range c.in {
				clear(dx[(i*c.n+n)*c.h*c.w:][:c.h*c.w])
			}
			for _, ch := range c.chunks {
				if n < ch.n0 || n >= ch.n1 {
					continue
				}
				one := chunk{n, n + 1, ch.y0, ch.y1, (n*c.oh + ch.y0) * c.ow, (ch.y1 - ch.y0) * c.ow}
				dcol := w.slab(0, c.terms()*one.cols)
				w.products.Multiply(dcol, one.cols, c.terms(), one.cols, c.out, back, dy(one), false)
				for i := range c.in {
					for j, t := range c.live {
						c.scatter(dx[i*pixels:][:pixels], dcol[(i*len(c.live)+j)*one.cols:][:one.cols], t, one)
					}
				}
			}
		})
	}
	if c.o.Relu {
		c.env.each(c.in, func(w *worker[T], i int) {
			kernel.ReluGrad(dx[i*pixels:][:pixels], dx[i*pixels:][:pixels], x[i*pixels:][:pixels])
		})
	}
}
