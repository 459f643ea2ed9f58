package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// convInteger is ConvInteger and QLinearConv, for every mix of int8 and uint8. ready holds the packed weights where they
// and their zero points are constants.
type convInteger struct {
	call       *op.Call
	ready      *kernel.ConvInteger
	w          int // which input holds the weights
	xZero      int // and the zero points
	wZero      int
	quantized  bool
	xs, ws, ys int // and QLinearConv's scales
	yZero      int
	bias       int
}

func bindConvInteger(n *Node) (Kernel, error) {
	return (&convInteger{call: n.Call, w: 1, xZero: 2, wZero: 3}).bind(n)
}

func bindQLinearConv(n *Node) (Kernel, error) {
	return (&convInteger{call: n.Call, quantized: true, xs: 1, xZero: 2, w: 3, ws: 4, wZero: 5, ys: 6, yZero: 7, bias: 8}).bind(n)
}

func (k *convInteger) bind(n *Node) (Kernel, error) {
	w := n.In[k.w].Value
	if w == nil || n.Has(k.wZero) && n.In[k.wZero].Value == nil {
		return k, nil
	}
	var zero *tensor.Tensor
	if n.Has(k.wZero) {
		zero = n.In[k.wZero].Value
	}
	steps, err := op.ConvSteps(n.Call, w.Shape[2:])
	if err != nil {
		return nil, err
	}
	p, _ := convGeometry(n.Call, steps, w.Shape, nil, false)
	k.ready, err = packConvInteger(p, w, zero)
	return k, err
}

func packConvInteger(p kernel.ConvParams, w, zero *tensor.Tensor) (*kernel.ConvInteger, error) {
	z := int32s(zero)
	if len(z) > 1 && len(z) != p.Out {
		return nil, fmt.Errorf("%d zero points of weights for %d output channels", len(z), p.Out)
	}
	if d, ok := w.Data.([]uint8); ok {
		return kernel.NewConvInteger(p, d, z)
	}
	return kernel.NewConvInteger(p, tensor.Data[int8](w), z)
}

// int32s reads 8- and 32-bit integers; nil for a missing tensor.
func int32s(t *tensor.Tensor) []int32 {
	if t == nil {
		return nil
	}
	switch d := t.Data.(type) {
	case []int8:
		return converted[int32](d)
	case []uint8:
		return converted[int32](d)
	}
	return tensor.Data[int32](t)
}

// single reads a quantization parameter that is one value; a missing zero point is 0.
func single(t *tensor.Tensor) int32 {
	if v := int32s(t); len(v) > 0 {
		return v[0]
	}
	return 0
}

func (k *convInteger) Run(c *Context, in, out []*tensor.Tensor) error {
	x, w := in[0], in[k.w]
	axes, err := op.ConvAxes(k.call, x.Shape[2:], w.Shape[2:])
	if err != nil {
		return err
	}
	p, s := convGeometry(k.call, axes, w.Shape, x.Shape, false)
	ready := k.ready
	if ready == nil {
		if ready, err = packConvInteger(p, w, optional(in, k.wZero)); err != nil {
			return err
		}
	}
	scratch := c.Scratch(ready.Scratch(c.Pool, s))
	zero := single(optional(in, k.xZero))
	if !k.quantized {
		dst := tensor.Data[int32](out[0])
		if x, ok := x.Data.([]uint8); ok {
			return kernel.RunConvInteger(ready, c.Pool, scratch, dst, x, zero, s)
		}
		return kernel.RunConvInteger(ready, c.Pool, scratch, dst, tensor.Data[int8](x), zero, s)
	}
	q, err := k.requantize(in, p.Out)
	if err != nil {
		return err
	}
	if x, ok := x.Data.([]uint8); ok {
		return runQuantized(c, ready, scratch, out[0], x, zero, q, s)
	}
	return runQuantized(c, ready, scratch, out[0], tensor.Data[int8](x), zero, q, s)
}

func runQuantized[X int8 | uint8](c *Context, ready *kernel.ConvInteger, scratch []float32, out *tensor.Tensor, x []X, zero int32, q kernel.Requantize, s kernel.ConvShape) error {
	if dst, ok := out.Data.([]uint8); ok {
		return kernel.RunConvQuantized(ready, c.Pool, scratch, dst, x, zero, q, s)
	}
	return kernel.RunConvQuantized(ready, c.Pool, scratch, tensor.Data[int8](out), x, zero, q, s)
}

// requantize works out by what each output channel's sums are multiplied.
func (k *convInteger) requantize(in []*tensor.Tensor, channels int) (kernel.Requantize, error) {
	xs, ws, ys := tensor.Data[float32](in[k.xs]), tensor.Data[float32](in[k.ws]), tensor.Data[float32](in[k.ys])
	q := kernel.Requantize{Scale: make([]float32, len(ws)), Bias: int32s(optional(in, k.bias)), Zero: single(in[k.yZero])}
	if len(xs) != 1 || len(ys) != 1 || len(ws) != 1 && len(ws) != channels || len(q.Bias) != 0 && len(q.Bias) != channels {
		return q, fmt.Errorf("%d, %d and %d scales of x, w and y, and %d biases, for %d output channels", len(xs), len(ws), len(ys), len(q.Bias), channels)
	}
	for i, w := range ws {
		q.Scale[i] = xs[0] * w / ys[0]
	}
	return q, nil
}
