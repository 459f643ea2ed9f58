package exec

import (
	"fmt"
	"slices"
	"sync/atomic"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// convBinders covers the convolutions. Those of floats take float32 on the tuned kernels, the 16-bit floats by way of
// float32, and float64 on a plain one. Weights that are constants are packed once, others in every run.
var convBinders = map[string]Binder{
	"Conv": bindConv, "ConvTranspose": bindConvTranspose, "ConvInteger": bindConvInteger, "QLinearConv": bindQLinearConv,
}

// conv is Conv. ready holds the packed weights where they are constants.
type conv struct {
	convSizer
	ready *kernel.Conv
	relu  bool
	done  bool // weights are packed for the only shape there is
}

// convSizer works out the sizes of a convolution's runs.
type convSizer struct {
	call *op.Call
	last atomic.Pointer[convSizes]
}

// convSizes are a convolution's sizes for one shape of its input. They are read-only.
type convSizes struct {
	source, weights []int
	p               kernel.ConvParams
	s               kernel.ConvShape
}

// sizes works out a run's sizes, or finds those of the last: a model mostly sees the same again.
func (k *convSizer) sizes(source, weights []int) (*convSizes, error) {
	if len(source) != len(weights) {
		return nil, fmt.Errorf("an input of %d axes for weights of %d", len(source), len(weights))
	}
	if g := k.last.Load(); g != nil && slices.Equal(g.source, source) && slices.Equal(g.weights, weights) {
		return g, nil
	}
	axes, err := op.ConvAxes(k.call, source[2:], weights[2:])
	if err != nil {
		return nil, err
	}
	g := &convSizes{source: slices.Clone(source), weights: slices.Clone(weights)}
	g.p, g.s = convGeometry(k.call, axes, weights, source, false)
	k.last.Store(g)
	return g, nil
}

func bindConv(n *Node) (Kernel, error) {
	k := &conv{convSizer: convSizer{call: n.Call}, relu: n.Relu}
	if weights, bias, ok := constantWeights(n); ok {
		w := n.In[1].Value
		steps, err := op.ConvSteps(n.Call, w.Shape[2:])
		if err != nil {
			return nil, err
		}
		p, _ := convGeometry(n.Call, steps, w.Shape, nil, false)
		e := kernel.NoClamp(bias)
		if n.Relu {
			e.Lo = 0
		}
		if k.ready, err = kernel.NewConv(p, weights, e); err != nil {
			return nil, err
		}
		if source, ok := n.In[0].Sizes(); ok {
			axes, err := op.ConvAxes(n.Call, source[2:], w.Shape[2:])
			if err != nil {
				return nil, err
			}
			_, s := convGeometry(n.Call, axes, w.Shape, source, false)
			k.ready.Prepare(s)
			k.ready.Forget()
			k.done = true
		}
	}
	return floatKernel(n, k)
}

// TakesRelu reports whether a node's kernel can compute the Relu of its output in the same pass.
func TakesRelu(n *Node) bool {
	if n.Schema.Name != "Conv" || n.In[0].DType != tensor.Float32 {
		return false
	}
	_, _, ok := constantWeights(n)
	return ok || n.Later && (!n.Has(2) || n.In[2].Value != nil)
}

// constantWeights gives inputs 1 and 2 as float32 if they are constants and the kernel will want them packed.
func constantWeights(n *Node) (weights, bias []float32, ok bool) {
	if n.In[0].DType == tensor.Float64 || n.In[1].Value == nil || n.Has(2) && n.In[2].Value == nil {
		return nil, nil, false
	}
	if n.Has(2) {
		bias = floats[float32](n.In[2].Value)
	}
	return floats[float32](n.In[1].Value), bias, true
}

// convGeometry puts attributes, weights and source into the kernels' terms. source may be nil for the params alone.
func convGeometry(c *op.Call, axes []op.ConvAxis, weights, source []int, transposed bool) (kernel.ConvParams, kernel.ConvShape) {
	group := c.Attrs.Int("group")
	p := kernel.ConvParams{In: weights[1] * group, Out: weights[0], Groups: group}
	if transposed {
		p.In, p.Out = weights[0], weights[1]*group
	}
	s := kernel.ConvShape{}
	if source != nil {
		s.Batch = source[0]
	}
	for _, a := range axes {
		p.Kernel, p.Strides, p.Dilations = append(p.Kernel, a.Kernel), append(p.Strides, a.Stride), append(p.Dilations, a.Dilation)
		s.In, s.Out, s.Pad = append(s.In, a.In), append(s.Out, a.Out), append(s.Pad, a.Begin)
	}
	return p, s
}

func (k *conv) Run(c *Context, in, out []*tensor.Tensor) error {
	x, w := in[0], in[1]
	g, err := k.sizes(x.Shape, w.Shape)
	if err != nil {
		return err
	}
	if x, ok := x.Data.([]float64); ok {
		return convPlain(c, tensor.Data[float64](out[0]), x, w, optional(in, 2), g.p, g.s, kernel.ConvGeneric[float64])
	}
	ready := k.ready
	if ready == nil {
		if ready, err = kernel.NewConv(g.p, tensor.Data[float32](w), kernel.NoClamp(tensor.Data[float32](optional(in, 2)))); err != nil {
			return err
		}
	}
	return ready.Run(c.Pool, c.Scratch(ready.Scratch(c.Pool, g.s)), tensor.Data[float32](out[0]), tensor.Data[float32](x), g.s)
}

// Packed reports that the input's shape is fixed.
func (k *conv) Packed() bool { return k.done }

// Describe tells the kernel's choice.
func (k *conv) Describe(c *Context, in, out []*tensor.Tensor) (method string, multiplyAdds int64) {
	multiplyAdds = int64(out[0].NumElems()) * int64(elements(in[1].Shape[1:]))
	g, err := k.sizes(in[0].Shape, in[1].Shape)
	if k.ready == nil || err != nil {
		return "", multiplyAdds
	}
	method = k.ready.Method(g.s)
	if k.relu {
		method += " +Relu"
	}
	return method, multiplyAdds
}

// convPlain runs a kernel for float64. It checks what the kernel leaves to its caller.
func convPlain(c *Context, dst, src []float64, w, bias *tensor.Tensor, p kernel.ConvParams, s kernel.ConvShape,
	run func(pool *kernel.Pool, dst, src, weights, bias []float64, p kernel.ConvParams, s kernel.ConvShape)) error {
	b := tensor.Data[float64](bias)
	if bias != nil && len(b) != p.Out {
		return fmt.Errorf("%d biases for %d output channels", len(b), p.Out)
	}
	run(c.Pool, dst, src, tensor.Data[float64](w), b, p, s)
	return nil
}

// optional gives input i, or nil if it is left out.
func optional(in []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(in) {
		return in[i]
	}
	return nil
}
