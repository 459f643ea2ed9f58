package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// softmaxBinders covers Softmax and LogSoftmax. Before opset 13 they normalise over all axes from the given one on,
// since then over that axis alone.
var softmaxBinders = map[string]Binder{"Softmax": bindSoftmax, "LogSoftmax": bindSoftmax}

func bindSoftmax(n *Node) (Kernel, error) {
	axis, flat, log := n.Attrs.Int("axis"), n.Schema.Since < 13, n.Schema.Name == "LogSoftmax"
	return floatKernel(n, KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		shape := in[0].Shape
		outer, length, inner := around(shape, positive(axis, len(shape)))
		if flat {
			length, inner = length*inner, 1
		}
		if x, ok := in[0].Data.([]float64); ok {
			kernel.SoftmaxRef(tensor.Data[float64](out[0]), x, outer, length, inner, log)
			return nil
		}
		kernel.Softmax(c.Pool, tensor.Data[float32](out[0]), tensor.Data[float32](in[0]), outer, length, inner, log)
		return nil
	}))
}
