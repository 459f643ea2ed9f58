package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// constantBinders covers the operators that make tensors out of attributes and numbers. Those of Constant, and the small
// ones of the others, are made by inference; the kernels serve the rest.
var constantBinders = map[string]Binder{"Constant": bindConstant, "ConstantOfShape": bindConstantOfShape, "Range": bindRange}

func bindConstant(n *Node) (Kernel, error) {
	v, err := op.ConstantValue(n.Call)
	if err != nil {
		return nil, err
	}
	same, err := bindSame(n)
	if err != nil {
		return nil, err
	}
	return KernelFunc(func(c *Context, _, out []*tensor.Tensor) error {
		return same.Run(c, []*tensor.Tensor{v}, out)
	}), nil
}

func bindConstantOfShape(n *Node) (Kernel, error) {
	v, err := op.FillValue(n.Call)
	if err != nil {
		return nil, err
	}
	return KernelFunc(func(c *Context, _, out []*tensor.Tensor) error {
		switch x := words(v).(type) {
		case []uint8:
			kernel.Fill(c.Pool, words(out[0]).([]uint8), x[0])
		case []uint16:
			kernel.Fill(c.Pool, words(out[0]).([]uint16), x[0])
		case []uint32:
			kernel.Fill(c.Pool, words(out[0]).([]uint32), x[0])
		case []uint64:
			kernel.Fill(c.Pool, words(out[0]).([]uint64), x[0])
		case []string:
			kernel.Fill(c.Pool, out[0].Data.([]string), x[0])
		}
		return nil
	}), nil
}

func bindRange(n *Node) (Kernel, error) {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		switch y := out[0].Data.(type) {
		case []float32:
			rangeOf(c, y, in)
		case []float64:
			rangeOf(c, y, in)
		case []int16:
			rangeOf(c, y, in)
		case []int32:
			rangeOf(c, y, in)
		case []int64:
			rangeOf(c, y, in)
		}
		return nil
	}), nil
}

func rangeOf[T int16 | int32 | int64 | float32 | float64](c *Context, y []T, in []*tensor.Tensor) {
	kernel.Range(c.Pool, y, tensor.Data[T](in[0])[0], tensor.Data[T](in[2])[0])
}
