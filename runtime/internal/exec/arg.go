package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// argBinders covers ArgMax and ArgMin, for every type of number.
var argBinders = map[string]Binder{"ArgMax": bindArg, "ArgMin": bindArg}

func bindArg(n *Node) (Kernel, error) {
	k := &arg{axis: n.Attrs.Int("axis"), largest: n.Schema.Name == "ArgMax", last: n.Attrs.Int("select_last_index") == 1}
	if isHalf(n.In[0].DType) {
		return halves(k), nil
	}
	return k, nil
}

type arg struct {
	axis          int
	largest, last bool
}

func (k *arg) Run(c *Context, in, out []*tensor.Tensor) error {
	switch x := in[0].Data.(type) {
	case []float32:
		argOf(k, c, in, out, x)
	case []float64:
		argOf(k, c, in, out, x)
	case []int8:
		argOf(k, c, in, out, x)
	case []int16:
		argOf(k, c, in, out, x)
	case []int32:
		argOf(k, c, in, out, x)
	case []int64:
		argOf(k, c, in, out, x)
	case []uint8:
		argOf(k, c, in, out, x)
	case []uint16:
		argOf(k, c, in, out, x)
	case []uint32:
		argOf(k, c, in, out, x)
	case []uint64:
		argOf(k, c, in, out, x)
	}
	return nil
}

func argOf[T kernel.Real](k *arg, c *Context, in, out []*tensor.Tensor, x []T) {
	shape := in[0].Shape
	outer, n, inner := around(shape, positive(k.axis, len(shape)))
	kernel.ArgExtreme(c.Pool, tensor.Data[int64](out[0]), x, outer, n, inner, k.largest, k.last)
}
