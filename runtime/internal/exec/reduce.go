package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// reduceBinders covers the reductions. Floats are summed in float64, integers modulo the width of their type.
var reduceBinders = map[string]Binder{
	"ReduceMean": bindReduce, "ReduceSum": bindReduce, "ReduceMax": bindReduce, "ReduceMin": bindReduce,
}

func bindReduce(n *Node) (Kernel, error) {
	k := &reduce{call: n.Call, name: n.Schema.Name}
	if d := n.In[0].DType; isHalf(d) {
		return halves(k), nil
	}
	return k, nil
}

type reduce struct {
	call *op.Call
	name string
}

func (k *reduce) Run(c *Context, in, out []*tensor.Tensor) error {
	reduced, err := op.ReduceAxes(known(k.call, in))
	if err != nil {
		return err
	}
	axes := kernel.MergeAxes(in[0].Shape, reduced)
	switch x := in[0].Data.(type) {
	case []float32:
		reduceOf[float64](k, c, out[0], x, axes)
	case []float64:
		reduceOf[float64](k, c, out[0], x, axes)
	case []int8:
		reduceOf[int64](k, c, out[0], x, axes)
	case []int32:
		reduceOf[int64](k, c, out[0], x, axes)
	case []int64:
		reduceOf[int64](k, c, out[0], x, axes)
	case []uint8:
		reduceOf[uint64](k, c, out[0], x, axes)
	case []uint32:
		reduceOf[uint64](k, c, out[0], x, axes)
	case []uint64:
		reduceOf[uint64](k, c, out[0], x, axes)
	case []bool: // false < true, as 0 < 1; of nothing: Max gives false, Min true
		y := tensor.Of(make([]uint8, out[0].NumElems()), out[0].Shape...)
		reduceOf[uint64](k, c, y, reinterpret[uint8](x), axes)
		for i, v := range tensor.Data[uint8](y) {
			tensor.Data[bool](out[0])[i] = v != 0
		}
	}
	return nil
}

// reduceOf runs the reduction for elements of type T, with sums in A.
func reduceOf[A, T kernel.Real](k *reduce, c *Context, out *tensor.Tensor, x []T, axes []kernel.ReduceAxis) {
	y := out.Data.([]T)
	switch k.name {
	case "ReduceMean":
		kernel.ReduceMean[A](c.Pool, y, x, axes)
	case "ReduceSum":
		kernel.ReduceSum[A](c.Pool, y, x, axes)
	case "ReduceMax":
		kernel.ReduceMax(c.Pool, y, x, axes)
	case "ReduceMin":
		kernel.ReduceMin(c.Pool, y, x, axes)
	}
}
