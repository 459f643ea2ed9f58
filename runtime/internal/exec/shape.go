package exec

import (
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// shapeBinders covers Shape and Size. Inference knows their results as soon as it knows their input's shape, so they run
// only on tensors that are shaped while running.
var shapeBinders = map[string]Binder{"Shape": bindShape, "Size": bindSize}

func bindShape(n *Node) (Kernel, error) {
	return KernelFunc(func(_ *Context, in, out []*tensor.Tensor) error {
		lo, hi := op.ShapeSpan(n.Call, len(in[0].Shape))
		y := tensor.Data[int64](out[0])
		for k, d := range in[0].Shape[lo:hi] {
			y[k] = int64(d)
		}
		return nil
	}), nil
}

func bindSize(*Node) (Kernel, error) {
	return KernelFunc(func(_ *Context, in, out []*tensor.Tensor) error {
		tensor.Data[int64](out[0])[0] = int64(in[0].NumElems())
		return nil
	}), nil
}
