package exec

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// castBinders covers the change of element type.
var castBinders = map[string]Binder{"Cast": bindCast}

// bindCast converts between all types that a tensor holds. Floats become integers by truncation; what does not fit,
// which ONNX leaves undefined, becomes the nearest number of the type, and NaN becomes 0, on every machine. Integers wrap
// around. The attributes saturate and round_mode only concern the 8-bit floats, which are refused.
func bindCast(n *Node) (Kernel, error) {
	from, to := n.In[0].DType, n.Out[0].DType
	for _, d := range []tensor.DType{from, to} {
		if _, err := tensor.New(d, []int{0}); err != nil {
			return nil, fmt.Errorf("cast from %s to %s is not supported by the embedded runtime (float, double, float16, bfloat16, integers of 8 to 64 bits, bool and string are)", from, to)
		}
	}
	if from == to {
		return same, nil
	}
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error { return cast(c, out[0], in[0]) }), nil
}

func cast(c *Context, dst, src *tensor.Tensor) error {
	switch s := src.Data.(type) {
	case []string:
		return parseAll(dst, s)
	case []bool:
		castInts(c, dst, reinterpret[uint8](s))
	case []float32:
		castFloats(c, dst, s)
	case []float64:
		castFloats(c, dst, s)
	case []tensor.F16, []tensor.BF16:
		castFloats(c, dst, floats[float32](src))
	case []int8:
		castInts(c, dst, s)
	case []int16:
		castInts(c, dst, s)
	case []int32:
		castInts(c, dst, s)
	case []int64:
		castInts(c, dst, s)
	case []uint8:
		castInts(c, dst, s)
	case []uint16:
		castInts(c, dst, s)
	case []uint32:
		castInts(c, dst, s)
	case []uint64:
		castInts(c, dst, s)
	}
	return nil
}

func castInts[S kernel.Integer](c *Context, dst *tensor.Tensor, src []S) {
	switch d := dst.Data.(type) {
	case []float32:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[float32, S])
	case []float64:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[float64, S])
	case []int8:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[int8, S])
	case []int16:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[int16, S])
	case []int32:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[int32, S])
	case []int64:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[int64, S])
	case []uint8:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[uint8, S])
	case []uint16:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[uint16, S])
	case []uint32:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[uint32, S])
	case []uint64:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[uint64, S])
	case []tensor.F16:
		for i, v := range src { // what float32 would round is beyond float16 anyway
			d[i] = tensor.ToF16(float32(v))
		}
	case []tensor.BF16:
		for i, v := range src {
			d[i] = tensor.ToBF16(float32(v))
		}
	case []bool:
		kernel.Map(c.Pool, d, src, kernel.NonZeroRow[S])
	case []string:
		for i, v := range src {
			d[i] = fmt.Sprint(v)
		}
	}
}

func castFloats[S float32 | float64](c *Context, dst *tensor.Tensor, src []S) {
	switch d := dst.Data.(type) {
	case []float32:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[float32, S])
	case []float64:
		kernel.Map(c.Pool, d, src, kernel.ConvertRow[float64, S])
	case []int8:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[int8, S])
	case []int16:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[int16, S])
	case []int32:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[int32, S])
	case []int64:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[int64, S])
	case []uint8:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[uint8, S])
	case []uint16:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[uint16, S])
	case []uint32:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[uint32, S])
	case []uint64:
		kernel.Map(c.Pool, d, src, kernel.TruncRow[uint64, S])
	case []tensor.F16:
		for i, v := range src {
			d[i] = tensor.ToF16(kernel.OddFloat32(float64(v)))
		}
	case []tensor.BF16:
		for i, v := range src {
			d[i] = tensor.ToBF16(kernel.OddFloat32(float64(v)))
		}
	case []bool:
		kernel.Map(c.Pool, d, src, kernel.NonZeroRow[S])
	case []string:
		bits := 8 * tensor.DTypeOf[S]().Size()
		for i, v := range src {
			d[i] = formatFloat(float64(v), bits)
		}
	}
}

// formatFloat writes the shortest text that reads back as the same number; infinities and NaN as Cast reads them.
func formatFloat(v float64, bits int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "INF"
	case math.IsInf(v, -1):
		return "-INF"
	}
	return strconv.FormatFloat(v, 'g', -1, bits)
}

// parseAll reads numbers in decimal or scientific notation, INF, +INF, -INF and NaN in either case. For an integer type a
// fraction is cut off.
func parseAll(dst *tensor.Tensor, src []string) error {
	if d, ok := dst.Data.([]float64); ok {
		return parse(d, src, func(s string) (float64, error) { return parseFloat(s, 64) })
	}
	narrow := func(s string) (float32, error) {
		v, err := parseFloat(s, 32)
		return float32(v), err
	}
	switch d := dst.Data.(type) {
	case []float32:
		return parse(d, src, narrow)
	case []tensor.F16:
		return parse(d, src, func(s string) (tensor.F16, error) {
			v, err := parseFloat(s, 64)
			return tensor.ToF16(kernel.OddFloat32(v)), err
		})
	case []tensor.BF16:
		return parse(d, src, func(s string) (tensor.BF16, error) {
			v, err := parseFloat(s, 64)
			return tensor.ToBF16(kernel.OddFloat32(v)), err
		})
	case []bool:
		return parse(d, src, func(s string) (bool, error) {
			v, err := parseFloat(s, 64)
			return v != 0, err
		})
	case []int8:
		return parse(d, src, parseInt[int8])
	case []int16:
		return parse(d, src, parseInt[int16])
	case []int32:
		return parse(d, src, parseInt[int32])
	case []int64:
		return parse(d, src, parseInt[int64])
	case []uint8:
		return parse(d, src, parseInt[uint8])
	case []uint16:
		return parse(d, src, parseInt[uint16])
	case []uint32:
		return parse(d, src, parseInt[uint32])
	case []uint64:
		return parse(d, src, parseInt[uint64])
	}
	return nil
}

func parse[T any](dst []T, src []string, f func(string) (T, error)) error {
	for i, s := range src {
		v, err := f(strings.TrimSpace(s))
		if err != nil {
			return fmt.Errorf("element %d is %.40q, want a number", i, s)
		}
		dst[i] = v
	}
	return nil
}

// parseFloat takes what is too large for the type as infinite, as strconv does besides its error.
func parseFloat(s string, bits int) (float64, error) {
	v, err := strconv.ParseFloat(s, bits)
	if err != nil && math.IsInf(v, 0) {
		return v, nil
	}
	return v, err
}

// parseInt reads whole numbers exactly. What is beyond 64 bits, or has a fraction, goes through float64.
func parseInt[T kernel.Integer](s string) (T, error) {
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return T(v), nil
	}
	if v, err := strconv.ParseUint(s, 10, 64); err == nil {
		return T(v), nil
	}
	v, err := parseFloat(s, 64)
	var out [1]T
	kernel.TruncRow(out[:], []float64{v})
	return out[0], err
}
