package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// whereBinders covers the choice between two tensors by a third, for every element type.
var whereBinders = map[string]Binder{"Where": func(*Node) (Kernel, error) { return KernelFunc(runWhere), nil }}

// runWhere only moves elements, so it goes by their width.
func runWhere(c *Context, in, out []*tensor.Tensor) error {
	b, err := kernel.NewBroadcast(out[0].Shape, in[0].Shape, in[1].Shape, in[2].Shape)
	if err != nil {
		return err
	}
	cond := tensor.Data[bool](in[0])
	switch dst := words(out[0]).(type) {
	case []uint8:
		kernel.Select(c.Pool, b, dst, cond, words(in[1]).([]uint8), words(in[2]).([]uint8))
	case []uint16:
		kernel.Select(c.Pool, b, dst, cond, words(in[1]).([]uint16), words(in[2]).([]uint16))
	case []uint32:
		kernel.Select(c.Pool, b, dst, cond, words(in[1]).([]uint32), words(in[2]).([]uint32))
	case []uint64:
		kernel.Select(c.Pool, b, dst, cond, words(in[1]).([]uint64), words(in[2]).([]uint64))
	case []string:
		kernel.Select(c.Pool, b, dst, cond, tensor.Data[string](in[1]), tensor.Data[string](in[2]))
	}
	return nil
}
