package exec

import (
	"fmt"
	"math"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// unaryBinders covers the operators that map each element by itself.
var unaryBinders = map[string]Binder{
	"Relu": numeric(kernel.ReluRow[float32], kernel.ReluRow[float64], map[tensor.DType]Kernel{
		tensor.Int8: mapKernel(kernel.ReluRow[int8]), tensor.Int16: mapKernel(kernel.ReluRow[int16]),
		tensor.Int32: mapKernel(kernel.ReluRow[int32]), tensor.Int64: mapKernel(kernel.ReluRow[int64]),
	}),
	"Abs": numeric(kernel.AbsRow[float32], kernel.AbsRow[float64], map[tensor.DType]Kernel{
		tensor.Int8: mapKernel(kernel.AbsRow[int8]), tensor.Int16: mapKernel(kernel.AbsRow[int16]),
		tensor.Int32: mapKernel(kernel.AbsRow[int32]), tensor.Int64: mapKernel(kernel.AbsRow[int64]),
		tensor.Uint8: same, tensor.Uint16: same, tensor.Uint32: same, tensor.Uint64: same,
	}),
	"Neg": numeric(kernel.NegRow[float32], kernel.NegRow[float64], map[tensor.DType]Kernel{
		tensor.Int8: mapKernel(kernel.NegRow[int8]), tensor.Int16: mapKernel(kernel.NegRow[int16]),
		tensor.Int32: mapKernel(kernel.NegRow[int32]), tensor.Int64: mapKernel(kernel.NegRow[int64]),
	}),
	"Sqrt": floating(math.Sqrt), "Exp": floating(math.Exp), "Log": floating(math.Log),
	"Floor": floating(math.Floor), "Ceil": floating(math.Ceil), "Round": floating(math.RoundToEven),
	"Erf": floating(math.Erf), "Sigmoid": floating(kernel.Sigmoid), "Tanh": floating(math.Tanh),
	"HardSwish": floating(kernel.HardSwish),
	"LeakyRelu": func(n *Node) (Kernel, error) {
		return floating(kernel.LeakyRelu(float64(n.Attrs.Float("alpha"))))(n)
	},
	"HardSigmoid": func(n *Node) (Kernel, error) {
		return floating(kernel.HardSigmoid(float64(n.Attrs.Float("alpha")), float64(n.Attrs.Float("beta"))))(n)
	},
	"Gelu": func(n *Node) (Kernel, error) {
		switch a := n.Attrs.String("approximate"); a {
		case "none":
			return floating(kernel.Gelu)(n)
		case "tanh":
			return floating(kernel.GeluTanh)(n)
		default:
			return nil, fmt.Errorf("attribute approximate is %q, want none or tanh", a)
		}
	},
	"Not": oneOf(0, map[tensor.DType]Kernel{tensor.Bool: mapKernel(kernel.NotRow)}),
}

// mapKernel runs a row function over a whole tensor.
func mapKernel[T, R tensor.Elem](row func(dst []R, src []T)) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		kernel.Map(c.Pool, tensor.Data[R](out[0]), tensor.Data[T](in[0]), row)
		return nil
	})
}

// same copies input 0, of any type, to output 0.
var same = KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
	switch src := words(in[0]).(type) {
	case []uint8:
		kernel.Copy(c.Pool, words(out[0]).([]uint8), src)
	case []uint16:
		kernel.Copy(c.Pool, words(out[0]).([]uint16), src)
	case []uint32:
		kernel.Copy(c.Pool, words(out[0]).([]uint32), src)
	case []uint64:
		kernel.Copy(c.Pool, words(out[0]).([]uint64), src)
	case []string:
		kernel.Copy(c.Pool, tensor.Data[string](out[0]), src)
	}
	return nil
})

// floating binds a function of float64 for every floating-point type.
func floating(f func(float64) float64) Binder {
	return numeric(kernel.Float64Row[float32](f), kernel.Float64Row[float64](f), nil)
}

// numeric binds rows for float32 and float64, the 16-bit floats by widening, and whatever other types are given.
func numeric(f32 func(dst, src []float32), f64 func(dst, src []float64), others map[tensor.DType]Kernel) Binder {
	kernels := map[tensor.DType]Kernel{
		tensor.Float32: mapKernel(f32), tensor.Float64: mapKernel(f64),
		tensor.Float16: halves(mapKernel(f32)), tensor.BFloat16: halves(mapKernel(f32)),
	}
	for d, k := range others {
		kernels[d] = k
	}
	return oneOf(0, kernels)
}

// oneOf binds the kernel for the element type of an input.
func oneOf(input int, kernels map[tensor.DType]Kernel) Binder {
	return func(n *Node) (Kernel, error) {
		if k, ok := kernels[n.In[input].DType]; ok {
			return k, nil
		}
		var want []tensor.DType
		for d := tensor.Undefined; d <= tensor.BFloat16; d++ {
			if _, ok := kernels[d]; ok {
				want = append(want, d)
			}
		}
		return nil, ErrType(n, input, want...)
	}
}
