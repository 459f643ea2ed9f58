package exec

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// binaryBinders covers the operators whose inputs broadcast. Min and Max take any number of inputs.
var binaryBinders = map[string]Binder{
	"Add": oneOf(0, arithmetic(kernel.OpAdd)), "Sub": oneOf(0, arithmetic(kernel.OpSub)),
	"Mul": oneOf(0, arithmetic(kernel.OpMul)), "Div": oneOf(0, division()),
	"Min": oneOf(0, arithmetic(kernel.OpMin)), "Max": oneOf(0, arithmetic(kernel.OpMax)),
	"PRelu": oneOf(0, arithmetic(kernel.OpPRelu)), "Pow": bindPow,
	"Less": oneOf(0, comparison(kernel.OpLess)), "LessOrEqual": oneOf(0, comparison(kernel.OpLessEqual)),
	"Greater": oneOf(0, comparison(kernel.OpGreater)), "GreaterOrEqual": oneOf(0, comparison(kernel.OpGreaterEqual)),
	"Equal": oneOf(0, equality()),
	"And":   oneOf(0, map[tensor.DType]Kernel{tensor.Bool: pairKernel(kernel.AndRow)}),
	"Or":    oneOf(0, map[tensor.DType]Kernel{tensor.Bool: pairKernel(kernel.OrRow)}),
}

// arithmetic lists the kernels of an operation by element type.
func arithmetic(op kernel.Arithmetic) map[tensor.DType]Kernel {
	f32 := chainKernel[float32](op)
	return map[tensor.DType]Kernel{
		tensor.Float32: f32, tensor.Float64: chainKernel[float64](op), tensor.Float16: halves(f32), tensor.BFloat16: halves(f32),
		tensor.Int8: chainKernel[int8](op), tensor.Int16: chainKernel[int16](op),
		tensor.Int32: chainKernel[int32](op), tensor.Int64: chainKernel[int64](op),
		tensor.Uint8: chainKernel[uint8](op), tensor.Uint16: chainKernel[uint16](op),
		tensor.Uint32: chainKernel[uint32](op), tensor.Uint64: chainKernel[uint64](op),
	}
}

// chainKernel folds the inputs from the left: ((x₀ ∘ x₁) ∘ x₂) …, each step over the result's shape. One input is
// copied.
func chainKernel[T kernel.Real](op kernel.Arithmetic) Kernel {
	row := kernel.Row[T](op)
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		if len(in) == 1 {
			return same(c, in, out)
		}
		dst, _ := out[0].Data.([]T)
		first := in[0]
		for _, t := range in[1:] {
			b, err := kernel.NewBroadcast(out[0].Shape, first.Shape, t.Shape)
			if err != nil {
				return err
			}
			x, _ := first.Data.([]T)
			y, _ := t.Data.([]T)
			kernel.Binary(c.Pool, b, dst, x, y, row)
			first = out[0]
		}
		return nil
	})
}

// division is arithmetic that refuses to divide integers by zero.
func division() map[tensor.DType]Kernel {
	kernels := arithmetic(kernel.OpDiv)
	for d, k := range kernels {
		switch d {
		case tensor.Int8:
			kernels[d] = nonZero[int8](k)
		case tensor.Int16:
			kernels[d] = nonZero[int16](k)
		case tensor.Int32:
			kernels[d] = nonZero[int32](k)
		case tensor.Int64:
			kernels[d] = nonZero[int64](k)
		case tensor.Uint8:
			kernels[d] = nonZero[uint8](k)
		case tensor.Uint16:
			kernels[d] = nonZero[uint16](k)
		case tensor.Uint32:
			kernels[d] = nonZero[uint32](k)
		case tensor.Uint64:
			kernels[d] = nonZero[uint64](k)
		}
	}
	return kernels
}

func nonZero[T kernel.Integer](k Kernel) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		if at := slices.Index(tensor.Data[T](in[1]), 0); at >= 0 && out[0].NumElems() > 0 {
			return fmt.Errorf("element %d of the divisor %s is 0, and division by zero has no result among integers", at, in[1])
		}
		return k.Run(c, in, out)
	})
}

// pairKernel runs a row function with a boolean result over two inputs.
func pairKernel[T tensor.Elem](row func(dst []bool, x, y []T)) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		b, err := kernel.NewBroadcast(out[0].Shape, in[0].Shape, in[1].Shape)
		if err != nil {
			return err
		}
		kernel.Binary(c.Pool, b, tensor.Data[bool](out[0]), tensor.Data[T](in[0]), tensor.Data[T](in[1]), row)
		return nil
	})
}

// comparison lists the kernels of a relation by element type.
func comparison(op kernel.Comparison) map[tensor.DType]Kernel {
	f32 := pairKernel(kernel.CompareRow[float32](op))
	return map[tensor.DType]Kernel{
		tensor.Float32: f32, tensor.Float64: pairKernel(kernel.CompareRow[float64](op)), tensor.Float16: halves(f32), tensor.BFloat16: halves(f32),
		tensor.Int8: pairKernel(kernel.CompareRow[int8](op)), tensor.Int16: pairKernel(kernel.CompareRow[int16](op)),
		tensor.Int32: pairKernel(kernel.CompareRow[int32](op)), tensor.Int64: pairKernel(kernel.CompareRow[int64](op)),
		tensor.Uint8: pairKernel(kernel.CompareRow[uint8](op)), tensor.Uint16: pairKernel(kernel.CompareRow[uint16](op)),
		tensor.Uint32: pairKernel(kernel.CompareRow[uint32](op)), tensor.Uint64: pairKernel(kernel.CompareRow[uint64](op)),
	}
}

func equality() map[tensor.DType]Kernel {
	f32 := pairKernel(kernel.EqualRow[float32])
	return map[tensor.DType]Kernel{
		tensor.Float32: f32, tensor.Float64: pairKernel(kernel.EqualRow[float64]), tensor.Float16: halves(f32), tensor.BFloat16: halves(f32),
		tensor.Int8: pairKernel(kernel.EqualRow[int8]), tensor.Int16: pairKernel(kernel.EqualRow[int16]),
		tensor.Int32: pairKernel(kernel.EqualRow[int32]), tensor.Int64: pairKernel(kernel.EqualRow[int64]),
		tensor.Uint8: pairKernel(kernel.EqualRow[uint8]), tensor.Uint16: pairKernel(kernel.EqualRow[uint16]),
		tensor.Uint32: pairKernel(kernel.EqualRow[uint32]), tensor.Uint64: pairKernel(kernel.EqualRow[uint64]),
		tensor.Bool: pairKernel(kernel.EqualRow[bool]), tensor.String: pairKernel(kernel.EqualRow[string]),
	}
}

// bindPow: an integer to an integer power is computed exactly and wraps around; all else in float64, rounded to the
// base's type. That is truncated where the base is an integer.
func bindPow(n *Node) (Kernel, error) {
	if d := n.In[1].DType; !d.IsInt() && !d.IsFloat() {
		return nil, ErrType(n, 1, tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16, tensor.Int32, tensor.Int64)
	}
	exact := n.In[1].DType.IsInt()
	switch n.In[0].DType {
	case tensor.Float32:
		return powFloats[float32](), nil
	case tensor.Float64:
		return powFloats[float64](), nil
	case tensor.Float16, tensor.BFloat16:
		return halves(powFloats[float32]()), nil
	case tensor.Int32:
		if exact {
			return powInts[int32](), nil
		}
		return powTruncated[int32](), nil
	case tensor.Int64:
		if exact {
			return powInts[int64](), nil
		}
		return powTruncated[int64](), nil
	}
	return nil, ErrType(n, 0, tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16, tensor.Int32, tensor.Int64)
}

func powFloats[T float32 | float64]() Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		b, err := kernel.NewBroadcast(out[0].Shape, in[0].Shape, in[1].Shape)
		if err != nil {
			return err
		}
		dst, _ := out[0].Data.([]T)
		if y := in[1].DType; y == tensor.Float32 || y == tensor.Float16 || y == tensor.BFloat16 {
			kernel.Binary(c.Pool, b, dst, floats[T](in[0]), floats[T](in[1]), kernel.PowRow[T])
			return nil
		}
		wide := make([]float64, len(dst)) // the exponents may have more digits than T
		kernel.Binary(c.Pool, b, wide, floats[float64](in[0]), floats[float64](in[1]), kernel.PowRow[float64])
		kernel.Map(c.Pool, dst, wide, kernel.ConvertRow[T, float64])
		return nil
	})
}

func powTruncated[T int32 | int64]() Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		b, err := kernel.NewBroadcast(out[0].Shape, in[0].Shape, in[1].Shape)
		if err != nil {
			return err
		}
		wide := make([]float64, out[0].NumElems())
		kernel.Binary(c.Pool, b, wide, floats[float64](in[0]), floats[float64](in[1]), kernel.PowRow[float64])
		kernel.Map(c.Pool, tensor.Data[T](out[0]), wide, kernel.TruncRow[T, float64])
		return nil
	})
}

var errZeroPower = errors.New("a negative power of 0 has no result among integers")

func powInts[T int32 | int64]() Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		b, err := kernel.NewBroadcast(out[0].Shape, in[0].Shape, in[1].Shape)
		if err != nil {
			return err
		}
		x, err := in[0].Ints()
		if err != nil {
			return err
		}
		y, err := in[1].Ints()
		if err != nil {
			return fmt.Errorf("exponent: %w", err)
		}
		var undefined atomic.Bool
		kernel.Binary(c.Pool, b, tensor.Data[T](out[0]), x, y, func(dst []T, x, y []int) {
			for i := range dst {
				p, ok := kernel.PowInt(int64(x[i]), int64(y[i]))
				if !ok {
					undefined.Store(true)
				}
				dst[i] = T(p)
			}
		})
		if undefined.Load() {
			return errZeroPower
		}
		return nil
	})
}
