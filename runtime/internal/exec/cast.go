package exec

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

var castBinders = map[string]Binder{"Cast": bindCast}

// bindCast converts between all types that a tensor holds. Floats become integers by truncation; what does not fit the
// integer type, which ONNX leaves undefined, becomes its nearest value, and NaN becomes 0, on every machine.
func bindCast(n *Node) (Kernel, error) {
	from, to := n.In[0].DType, n.Out[0].DType
	for _, d := range []tensor.DType{from, to} {
		if _, err := tensor.New(d, []int{0}); err != nil {
			return nil, fmt.Errorf("cast from %s to %s is not supported by the embedded runtime", from, to)
		}
	}
	return KernelFunc(func(_ *Context, in, out []*tensor.Tensor) error { return cast(out[0], in[0]) }), nil
}

func cast(dst, src *tensor.Tensor) error {
	switch s := src.Data.(type) {
	case []string:
		return castStrings(dst, s)
	case []bool:
		bits := make([]uint8, len(s))
		for i, v := range s {
			if v {
				bits[i] = 1
			}
		}
		if d, ok := dst.Data.([]string); ok {
			for i, v := range s {
				d[i] = strings.ToUpper(strconv.FormatBool(v)[:1]) + strconv.FormatBool(v)[1:]
			}
			return nil
		}
		castInts(dst, bits)
	case []float32:
		castFloats(dst, s, 32)
	case []float64:
		castFloats(dst, s, 64)
	case []tensor.F16, []tensor.BF16:
		castFloats(dst, floats[float32](src), 32)
	case []int8:
		castInts(dst, s)
	case []int16:
		castInts(dst, s)
	case []int32:
		castInts(dst, s)
	case []int64:
		castInts(dst, s)
	case []uint8:
		castInts(dst, s)
	case []uint16:
		castInts(dst, s)
	case []uint32:
		castInts(dst, s)
	case []uint64:
		castInts(dst, s)
	}
	return nil
}

// castInts wraps around where an integer does not fit, as two's complement does.
func castInts[S int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](dst *tensor.Tensor, src []S) {
	switch d := dst.Data.(type) {
	case []float32:
		convert(d, src)
	case []float64:
		convert(d, src)
	case []int8:
		convert(d, src)
	case []int16:
		convert(d, src)
	case []int32:
		convert(d, src)
	case []int64:
		convert(d, src)
	case []uint8:
		convert(d, src)
	case []uint16:
		convert(d, src)
	case []uint32:
		convert(d, src)
	case []uint64:
		convert(d, src)
	case []tensor.F16:
		for i, v := range src {
			d[i] = tensor.ToF16(float32(v))
		}
	case []tensor.BF16:
		for i, v := range src {
			d[i] = tensor.ToBF16(float32(v))
		}
	case []bool:
		for i, v := range src {
			d[i] = v != 0
		}
	case []string:
		for i, v := range src {
			d[i] = fmt.Sprint(v)
		}
	}
}

func convert[D, S kernel.Real](dst []D, src []S) {
	for i, v := range src {
		dst[i] = D(v)
	}
}

func castFloats[S float32 | float64](dst *tensor.Tensor, src []S, bits int) {
	switch d := dst.Data.(type) {
	case []float32:
		convert(d, src)
	case []float64:
		convert(d, src)
	case []bool:
		for i, v := range src {
			d[i] = v != 0
		}
	case []string:
		for i, v := range src {
			d[i] = formatFloat(float64(v), bits)
		}
	case []tensor.F16, []tensor.BF16:
		storeFloats(dst, src)
	default: // integers
		whole := make([]S, len(src))
		for i, v := range src {
			whole[i] = S(math.Trunc(float64(v)))
		}
		storeFloats(dst, whole)
	}
}

// formatFloat writes the shortest text that reads back as the same number, as NumPy does.
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

func castStrings(dst *tensor.Tensor, src []string) error {
	if d, ok := dst.Data.([]string); ok {
		copy(d, src)
		return nil
	}
	values := make([]float64, len(src))
	exact := make([]int64, len(src))
	for i, s := range src {
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return fmt.Errorf("%.40q is not a number", s)
		}
		values[i] = v
		if exact[i], err = strconv.ParseInt(strings.TrimSpace(s), 10, 64); err != nil {
			exact[i] = int64(v)
		}
	}
	if d, ok := dst.Data.([]int64); ok {
		copy(d, exact)
		return nil
	}
	castFloats(dst, values, 64)
	return nil
}
