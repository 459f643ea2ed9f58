package exec

import (
	"fmt"

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
	call  *op.Call
	ready *kernel.Conv
	relu  bool
	done  bool // weights are packed for the only shape there is
}

func bindConv(n *Node) (Kernel, error) {
	k := &conv{call: n.Call, relu: n.Relu}
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
	axes, err := op.ConvAxes(k.call, x.Shape[2:], w.Shape[2:])
	if err != nil {
		return err
	}
	p, s := convGeometry(k.call, axes, w.Shape, x.Shape, false)
	if x, ok := x.Data.([]float64); ok {
		return convPlain(c, tensor.Data[float64](out[0]), x, w, optional(in, 2), p, s, kernel.ConvGeneric[float64])
	}
	ready := k.ready
	if ready == nil {
		if ready, err = kernel.NewConv(p, tensor.Data[float32](w), kernel.NoClamp(tensor.Data[float32](optional(in, 2)))); err != nil {
			return err
		}
	}
	return ready.Run(c.Pool, c.Scratch(ready.Scratch(c.Pool, s)), tensor.Data[float32](out[0]), tensor.Data[float32](x), s)
}

// Packed reports that the input's shape is fixed.
func (k *conv) Packed() bool { return k.done }

// Describe tells the kernel's choice.
func (k *conv) Describe(c *Context, in, out []*tensor.Tensor) (method string, multiplyAdds int64) {
	multiplyAdds = int64(out[0].NumElems()) * int64(elements(in[1].Shape[1:]))
	axes, err := op.ConvAxes(k.call, in[0].Shape[2:], in[1].Shape[2:])
	if k.ready == nil || err != nil {
		return "", multiplyAdds
	}
	_, s := convGeometry(k.call, axes, in[1].Shape, in[0].Shape, false)
	method = k.ready.Method(s)
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
