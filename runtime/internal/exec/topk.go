package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// topkBinders covers TopK, for every type of number. sorted 0 leaves the order open, so results are sorted either way.
var topkBinders = map[string]Binder{"TopK": bindTopK}

func bindTopK(n *Node) (Kernel, error) {
	k := &topK{axis: n.Attrs.Int("axis"), largest: !n.Attrs.Has("largest") || n.Attrs.Int("largest") == 1}
	if isHalf(n.In[0].DType) {
		return halves(k), nil
	}
	return k, nil
}

type topK struct {
	axis    int
	largest bool
}

func (k *topK) Run(c *Context, in, out []*tensor.Tensor) error {
	switch x := in[0].Data.(type) {
	case []float32:
		return topKOf(k, c, in, out, x)
	case []float64:
		return topKOf(k, c, in, out, x)
	case []int8:
		return topKOf(k, c, in, out, x)
	case []int16:
		return topKOf(k, c, in, out, x)
	case []int32:
		return topKOf(k, c, in, out, x)
	case []int64:
		return topKOf(k, c, in, out, x)
	case []uint8:
		return topKOf(k, c, in, out, x)
	case []uint16:
		return topKOf(k, c, in, out, x)
	case []uint32:
		return topKOf(k, c, in, out, x)
	case []uint64:
		return topKOf(k, c, in, out, x)
	}
	return nil
}

func topKOf[T interface {
	tensor.Elem
	kernel.Real
}](k *topK, c *Context, in, out []*tensor.Tensor, x []T) error {
	shape := in[0].Shape
	axis := positive(k.axis, len(shape))
	outer, n, inner := around(shape, axis)
	// Either output may have no name.
	made := out[0]
	if made == nil {
		made = out[1]
	}
	count := made.Shape[axis]
	values, index := tensor.Data[T](out[0]), tensor.Data[int64](out[1])
	if out[0] == nil {
		values = make([]T, made.NumElems())
	}
	if out[1] == nil {
		index = make([]int64, made.NumElems())
	}
	kernel.TopK(c.Pool, values, index, x, outer, n, inner, count, k.largest)
	return nil
}
