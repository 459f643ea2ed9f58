package exec

import (
	"errors"
	"math"
	"slices"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// binaryBinders covers the operators whose inputs broadcast. Add, Sub, Mul, Div, Min and Max take every type of number;
// Min and Max any number of inputs.
var binaryBinders = map[string]Binder{
	"Add": arithmetic(rows{kernel.AddRow[float32], kernel.AddRow[float64], kernel.AddRow[int8], kernel.AddRow[int16],
		kernel.AddRow[int32], kernel.AddRow[int64], kernel.AddRow[uint8], kernel.AddRow[uint16], kernel.AddRow[uint32], kernel.AddRow[uint64]}),
	"Sub": arithmetic(rows{kernel.SubRow[float32], kernel.SubRow[float64], kernel.SubRow[int8], kernel.SubRow[int16],
		kernel.SubRow[int32], kernel.SubRow[int64], kernel.SubRow[uint8], kernel.SubRow[uint16], kernel.SubRow[uint32], kernel.SubRow[uint64]}),
	"Mul": arithmetic(rows{kernel.MulRow[float32], kernel.MulRow[float64], kernel.MulRow[int8], kernel.MulRow[int16],
		kernel.MulRow[int32], kernel.MulRow[int64], kernel.MulRow[uint8], kernel.MulRow[uint16], kernel.MulRow[uint32], kernel.MulRow[uint64]}),
	"Div": arithmetic(rows{kernel.DivRow[float32], kernel.DivRow[float64], kernel.DivRow[int8], kernel.DivRow[int16],
		kernel.DivRow[int32], kernel.DivRow[int64], kernel.DivRow[uint8], kernel.DivRow[uint16], kernel.DivRow[uint32], kernel.DivRow[uint64]}),
	"Min": arithmetic(rows{kernel.MinRow[float32], kernel.MinRow[float64], kernel.MinRow[int8], kernel.MinRow[int16],
		kernel.MinRow[int32], kernel.MinRow[int64], kernel.MinRow[uint8], kernel.MinRow[uint16], kernel.MinRow[uint32], kernel.MinRow[uint64]}),
	"Max": arithmetic(rows{kernel.MaxRow[float32], kernel.MaxRow[float64], kernel.MaxRow[int8], kernel.MaxRow[int16],
		kernel.MaxRow[int32], kernel.MaxRow[int64], kernel.MaxRow[uint8], kernel.MaxRow[uint16], kernel.MaxRow[uint32], kernel.MaxRow[uint64]}),
	"PRelu": arithmetic(rows{kernel.PReluRow[float32], kernel.PReluRow[float64], kernel.PReluRow[int8], kernel.PReluRow[int16],
		kernel.PReluRow[int32], kernel.PReluRow[int64], kernel.PReluRow[uint8], kernel.PReluRow[uint16], kernel.PReluRow[uint32], kernel.PReluRow[uint64]}),
	"Pow": bindPow,
	"Equal": func(n *Node) (Kernel, error) {
		kernels := comparison(rowsBool{kernel.EqualRow[float32], kernel.EqualRow[float64], kernel.EqualRow[int8], kernel.EqualRow[int16],
			kernel.EqualRow[int32], kernel.EqualRow[int64], kernel.EqualRow[uint8], kernel.EqualRow[uint16], kernel.EqualRow[uint32], kernel.EqualRow[uint64]}, false)
		kernels[tensor.Bool] = pairKernel(kernel.EqualRow[bool], false)
		kernels[tensor.String] = pairKernel(kernel.EqualRow[string], false)
		return byType(n, 0, kernels)
	},
	"Less":           less(false),
	"Greater":        less(true),
	"LessOrEqual":    lessEqual(false),
	"GreaterOrEqual": lessEqual(true),
	"And":            logical(kernel.AndRow),
	"Or":             logical(kernel.OrRow),
}

// rows holds an operator's row function for each type of number.
type rows struct {
	f32 func(dst, x, y []float32)
	f64 func(dst, x, y []float64)
	i8  func(dst, x, y []int8)
	i16 func(dst, x, y []int16)
	i32 func(dst, x, y []int32)
	i64 func(dst, x, y []int64)
	u8  func(dst, x, y []uint8)
	u16 func(dst, x, y []uint16)
	u32 func(dst, x, y []uint32)
	u64 func(dst, x, y []uint64)
}

// rowsBool is rows for comparisons.
type rowsBool struct {
	f32 func(dst []bool, x, y []float32)
	f64 func(dst []bool, x, y []float64)
	i8  func(dst []bool, x, y []int8)
	i16 func(dst []bool, x, y []int16)
	i32 func(dst []bool, x, y []int32)
	i64 func(dst []bool, x, y []int64)
	u8  func(dst []bool, x, y []uint8)
	u16 func(dst []bool, x, y []uint16)
	u32 func(dst []bool, x, y []uint32)
	u64 func(dst []bool, x, y []uint64)
}

func arithmetic(r rows) Binder {
	f32 := chainKernel(r.f32)
	return func(n *Node) (Kernel, error) {
		div := n.Schema.Name == "Div"
		return byType(n, 0, map[tensor.DType]Kernel{
			tensor.Float32: f32, tensor.Float64: chainKernel(r.f64), tensor.Float16: halves(f32), tensor.BFloat16: halves(f32),
			tensor.Int8: nonZero(div, r.i8), tensor.Int16: nonZero(div, r.i16), tensor.Int32: nonZero(div, r.i32), tensor.Int64: nonZero(div, r.i64),
			tensor.Uint8: nonZero(div, r.u8), tensor.Uint16: nonZero(div, r.u16), tensor.Uint32: nonZero(div, r.u32), tensor.Uint64: nonZero(div, r.u64),
		})
	}
}

var errDivision = errors.New("integer division by zero")

// nonZero is chainKernel that refuses to divide integers by zero.
func nonZero[T kernel.Real](div bool, row func(dst, x, y []T)) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		if div {
			if d, _ := in[1].Data.([]T); slices.Contains(d, 0) {
				return errDivision
			}
		}
		return chainKernel(row).Run(c, in, out)
	})
}

// chainKernel folds the inputs from the left: ((x₀ ∘ x₁) ∘ x₂) …, each step over the result's shape. One input is
// copied.
func chainKernel[T kernel.Real](row func(dst, x, y []T)) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		dst, _ := out[0].Data.([]T)
		if len(dst) == 0 {
			return nil
		}
		x, _ := in[0].Data.([]T)
		if len(in) == 1 {
			copy(dst, x)
			return nil
		}
		y, _ := in[1].Data.([]T)
		kernel.Binary(c.Pool, kernel.NewBroadcast(out[0].Shape, in[0].Shape, in[1].Shape), dst, x, y, row)
		for _, t := range in[2:] {
			y, _ := t.Data.([]T)
			kernel.Binary(c.Pool, kernel.NewBroadcast(out[0].Shape, out[0].Shape, t.Shape), dst, dst, y, row)
		}
		return nil
	})
}

// pairKernel compares two inputs, the other way round if swap.
func pairKernel[T tensor.Elem](row func(dst []bool, x, y []T), swap bool) Kernel {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		dst := tensor.Data[bool](out[0])
		if len(dst) == 0 {
			return nil
		}
		a, b := in[0], in[1]
		if swap {
			a, b = b, a
		}
		kernel.Binary(c.Pool, kernel.NewBroadcast(out[0].Shape, a.Shape, b.Shape), dst, tensor.Data[T](a), tensor.Data[T](b), row)
		return nil
	})
}

func comparison(r rowsBool, swap bool) map[tensor.DType]Kernel {
	f32 := pairKernel(r.f32, swap)
	return map[tensor.DType]Kernel{
		tensor.Float32: f32, tensor.Float64: pairKernel(r.f64, swap), tensor.Float16: halves(f32), tensor.BFloat16: halves(f32),
		tensor.Int8: pairKernel(r.i8, swap), tensor.Int16: pairKernel(r.i16, swap), tensor.Int32: pairKernel(r.i32, swap), tensor.Int64: pairKernel(r.i64, swap),
		tensor.Uint8: pairKernel(r.u8, swap), tensor.Uint16: pairKernel(r.u16, swap), tensor.Uint32: pairKernel(r.u32, swap), tensor.Uint64: pairKernel(r.u64, swap),
	}
}

func less(swap bool) Binder {
	kernels := comparison(rowsBool{kernel.LessRow[float32], kernel.LessRow[float64], kernel.LessRow[int8], kernel.LessRow[int16],
		kernel.LessRow[int32], kernel.LessRow[int64], kernel.LessRow[uint8], kernel.LessRow[uint16], kernel.LessRow[uint32], kernel.LessRow[uint64]}, swap)
	return func(n *Node) (Kernel, error) { return byType(n, 0, kernels) }
}

func lessEqual(swap bool) Binder {
	kernels := comparison(rowsBool{kernel.LessEqualRow[float32], kernel.LessEqualRow[float64], kernel.LessEqualRow[int8], kernel.LessEqualRow[int16],
		kernel.LessEqualRow[int32], kernel.LessEqualRow[int64], kernel.LessEqualRow[uint8], kernel.LessEqualRow[uint16], kernel.LessEqualRow[uint32], kernel.LessEqualRow[uint64]}, swap)
	return func(n *Node) (Kernel, error) { return byType(n, 0, kernels) }
}

func logical(row func(dst, x, y []bool)) Binder {
	k := pairKernel(row, false)
	return func(n *Node) (Kernel, error) { return byType(n, 0, map[tensor.DType]Kernel{tensor.Bool: k}) }
}

// bindPow computes in float64 whatever the two types are; the result has the base's. Integers beyond 2⁵³ lose their
// last digits so, and are refused where the type can hold them.
func bindPow(n *Node) (Kernel, error) {
	for i := range 2 {
		switch n.In[i].DType {
		case tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16, tensor.Int32, tensor.Int64,
			tensor.Uint32, tensor.Uint64, tensor.Int8, tensor.Int16, tensor.Uint8, tensor.Uint16:
		default:
			return nil, ErrType(n, i, tensor.Float32, tensor.Float64, tensor.Int32, tensor.Int64)
		}
	}
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		dst := make([]float64, out[0].NumElems())
		if len(dst) == 0 {
			return nil
		}
		kernel.Binary(c.Pool, kernel.NewBroadcast(out[0].Shape, in[0].Shape, in[1].Shape), dst, floats[float64](in[0]), floats[float64](in[1]), kernel.PowRow)
		if out[0].DType.IsInt() && slices.ContainsFunc(dst, func(v float64) bool { return math.Abs(v) > 1<<53 }) {
			return errors.New("an integer power above 2^53 cannot be computed exactly")
		}
		storeFloats(out[0], dst)
		return nil
	}), nil
}
