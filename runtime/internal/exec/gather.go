package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// gatherBinders covers Gather, for every element type and both types of indices.
var gatherBinders = map[string]Binder{"Gather": bindGather}

func bindGather(n *Node) (Kernel, error) {
	axis := n.Attrs.Int("axis")
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		switch indices := in[1].Data.(type) {
		case []int64:
			return gatherBy(c, in, out, indices, axis)
		case []int32:
			return gatherBy(c, in, out, indices, axis)
		}
		return ErrType(n, 1, tensor.Int32, tensor.Int64)
	}), nil
}

func gatherBy[I int32 | int64](c *Context, in, out []*tensor.Tensor, indices []I, axis int) error {
	outer, n, inner := around(in[0].Shape, positive(axis, len(in[0].Shape)))
	if at, ok := kernel.CheckIndices(indices, n); !ok {
		return fmt.Errorf("index #%d is %d, want %d to %d for %s along axis %d", at, indices[at], -n, n-1, in[0], axis)
	}
	switch x := words(in[0]).(type) {
	case []uint8:
		kernel.Gather(c.Pool, words(out[0]).([]uint8), x, indices, outer, n, inner)
	case []uint16:
		kernel.Gather(c.Pool, words(out[0]).([]uint16), x, indices, outer, n, inner)
	case []uint32:
		kernel.Gather(c.Pool, words(out[0]).([]uint32), x, indices, outer, n, inner)
	case []uint64:
		kernel.Gather(c.Pool, words(out[0]).([]uint64), x, indices, outer, n, inner)
	case []string:
		kernel.Gather(c.Pool, out[0].Data.([]string), x, indices, outer, n, inner)
	}
	return nil
}
