package exec

import (
	"fmt"
	"math"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// poolBinders covers the pooling operators.
var poolBinders = map[string]Binder{
	"MaxPool": bindMaxPool, "AveragePool": bindAveragePool, "GlobalMaxPool": bindGlobalPool, "GlobalAveragePool": bindGlobalPool,
}

func bindMaxPool(n *Node) (Kernel, error) {
	if err := poolRank(n.In[0].Rank()); err != nil {
		return nil, err
	}
	k := &maxPool{call: n.Call, columnMajor: n.Attrs.Int("storage_order") == 1}
	switch d := n.In[0].DType; {
	case isHalf(d):
		return halves(k), nil
	case d == tensor.Float32, d == tensor.Float64, d == tensor.Int8, d == tensor.Uint8:
		return k, nil
	}
	return nil, ErrType(n, 0, tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16, tensor.Int8, tensor.Uint8)
}

// maxPoolAxes is how many axes the kernels pool over.
const maxPoolAxes = len(kernel.PoolShape{}.Axes)

// poolRank refuses a source of too many dimensions, at load where their number is known then.
func poolRank(rank int) error {
	if rank > 2+maxPoolAxes {
		return fmt.Errorf("an input of %d dimensions is not supported by the embedded runtime (it pools over 1 to %d axes behind batch and channels)", rank, maxPoolAxes)
	}
	return nil
}

// poolShape places the window on a source of a given shape: batch, channels, and 1 to 3 axes to pool over.
func poolShape(c *op.Call, shape []int) (*kernel.PoolShape, error) {
	if err := poolRank(len(shape)); err != nil {
		return nil, err
	}
	axes, err := op.PoolAxes(c, shape[2:])
	if err != nil {
		return nil, err
	}
	s := &kernel.PoolShape{Planes: shape[0] * shape[1]}
	for i := range s.Axes {
		s.Axes[i] = kernel.WholeAxis
	}
	for i, a := range axes {
		s.Axes[maxPoolAxes-len(axes)+i] = kernel.PoolAxis(a)
	}
	return s, nil
}

type maxPool struct {
	call        *op.Call
	columnMajor bool
}

func (k *maxPool) Run(c *Context, in, out []*tensor.Tensor) error {
	s, err := poolShape(k.call, in[0].Shape)
	if err != nil {
		return err
	}
	var index []int64
	if len(out) > 1 && out[1] != nil {
		index = tensor.Data[int64](out[1])
	}
	values := out[0]
	if values == nil { // only the indices are wanted
		if values, err = tensor.New(in[0].DType, out[1].Shape); err != nil {
			return err
		}
	}
	switch x := in[0].Data.(type) {
	case []float32:
		y := tensor.Data[float32](values)
		if index == nil {
			kernel.MaxPool(c.Pool, y, x, s, c.Scratch(kernel.PoolScratch(c.Pool, s)))
		} else {
			kernel.MaxPoolRef(c.Pool, y, x, index, s, float32(math.Inf(-1)), k.columnMajor)
		}
	case []float64:
		kernel.MaxPoolRef(c.Pool, tensor.Data[float64](values), x, index, s, math.Inf(-1), k.columnMajor)
	case []int8:
		kernel.MaxPoolRef(c.Pool, tensor.Data[int8](values), x, index, s, math.MinInt8, k.columnMajor)
	case []uint8:
		kernel.MaxPoolRef(c.Pool, tensor.Data[uint8](values), x, index, s, 0, k.columnMajor)
	}
	return nil
}

func bindAveragePool(n *Node) (Kernel, error) {
	if err := poolRank(n.In[0].Rank()); err != nil {
		return nil, err
	}
	call, includePad := n.Call, n.Attrs.Int("count_include_pad") == 1
	k := KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		s, err := poolShape(call, in[0].Shape)
		if err != nil {
			return err
		}
		if x, ok := in[0].Data.([]float64); ok {
			kernel.AveragePoolRef(c.Pool, tensor.Data[float64](out[0]), x, s, includePad)
			return nil
		}
		kernel.AveragePool(c.Pool, tensor.Data[float32](out[0]), tensor.Data[float32](in[0]), s, includePad,
			c.Scratch(kernel.PoolScratch(c.Pool, s)))
		return nil
	})
	return floatKernel(n, k)
}

// floatKernel finishes a binder whose kernel computes in float32 and float64, by the type of input 0.
func floatKernel(n *Node, k Kernel) (Kernel, error) {
	switch d := n.In[0].DType; {
	case isHalf(d):
		return halves(k), nil
	case d == tensor.Float32, d == tensor.Float64:
		return k, nil
	}
	return nil, ErrType(n, 0, tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16)
}

func bindGlobalPool(n *Node) (Kernel, error) {
	mean := n.Schema.Name == "GlobalAveragePool"
	return floatKernel(n, KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		batch, channels, size := around(in[0].Shape, 1)
		planes := batch * channels
		axes := []kernel.ReduceAxis{{Size: planes}, {Size: size, Reduced: true}}
		switch x := in[0].Data.(type) {
		case []float32:
			reduceFloats(c, tensor.Data[float32](out[0]), x, axes, mean)
		case []float64:
			reduceFloats(c, tensor.Data[float64](out[0]), x, axes, mean)
		}
		return nil
	}))
}

func reduceFloats[T float32 | float64](c *Context, dst, src []T, axes []kernel.ReduceAxis, mean bool) {
	if mean {
		kernel.ReduceMean[float64](c.Pool, dst, src, axes)
	} else {
		kernel.ReduceMax(c.Pool, dst, src, axes)
	}
}
