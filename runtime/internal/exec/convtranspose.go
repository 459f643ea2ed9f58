package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// convTranspose is ConvTranspose. ready holds the packed weights where they are constants.
type convTranspose struct {
	call  *op.Call
	ready *kernel.ConvTranspose
}

func bindConvTranspose(n *Node) (Kernel, error) {
	k := &convTranspose{call: n.Call}
	if weights, bias, ok := constantWeights(n); ok {
		w := n.In[1].Value
		steps, err := op.ConvSteps(n.Call, w.Shape[2:])
		if err != nil {
			return nil, err
		}
		p, _ := convGeometry(n.Call, steps, w.Shape, nil, true)
		if k.ready, err = kernel.NewConvTranspose(p, weights, kernel.NoClamp(bias)); err != nil {
			return nil, err
		}
	}
	return floatKernel(n, k)
}

func (k *convTranspose) Run(c *Context, in, out []*tensor.Tensor) error {
	x, w := in[0], in[1]
	axes, err := op.ConvTransposeAxes(k.call, x.Shape[2:], w.Shape[2:])
	if err != nil {
		return err
	}
	p, s := convGeometry(k.call, axes, w.Shape, x.Shape, true)
	if x, ok := x.Data.([]float64); ok {
		return convPlain(c, tensor.Data[float64](out[0]), x, w, optional(in, 2), p, s, kernel.ConvTransposeGeneric[float64])
	}
	ready := k.ready
	if ready == nil {
		if ready, err = kernel.NewConvTranspose(p, tensor.Data[float32](w), kernel.NoClamp(tensor.Data[float32](optional(in, 2)))); err != nil {
			return err
		}
	}
	return ready.Run(c.Pool, c.Scratch(ready.Scratch(c.Pool, s)), tensor.Data[float32](out[0]), tensor.Data[float32](x), s)
}
