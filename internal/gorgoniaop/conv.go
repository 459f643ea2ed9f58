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
	convolver[T]
	env *Env[T]
	o   ConvOptions[T]
	inv []T // 1/σ of each channel at the last forward pass
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
		y := sameAxis(x[2], w[2], c.o.Stride, c.o.Dilation)
		c.convolver = newConvolver[T](x[0], w[0], x[1], y, sameAxis(x[3], w[3], c.o.Stride, c.o.Dilation))
		c.relu, c.scatters = c.o.Relu, true
		c.inv = make([]T, c.out)
	}
	return tensor.Shape{c.out, c.n, c.y.Out, c.x.Out}, nil
}

// sameAxis pads as TensorFlow's SAME (ONNX's SAME_UPPER) does.
func sameAxis(n, k, stride, dilation int) Axis {
	out := (n + stride - 1) / stride
	return Axis{In: n, Out: out, Kernel: k, Stride: stride, Dilation: dilation, Begin: max((out-1)*stride+(k-1)*dilation+1-n, 0) / 2}
}

func (c *conv[T]) forward(in [][]T, out []T) error {
	c.multiply(c.env, out, in[0], in[1], false)
	pixels := c.outPixels()
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
	pixels := c.outPixels()
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
		c.weightGrad(c.env, din[1], in[0], dpre, false)
	}
	if din[0] != nil {
		c.imageGrad(c.env, din[0], in[1], dpre, false)
		if c.o.Relu {
			size := c.inPixels()
			c.env.each(c.in, func(w *worker[T], i int) {
				dx := din[0][i*size:][:size]
				kernel.ReluGrad(dx, dx, in[0][i*size:][:size])
			})
		}
	}
	return nil
}
