package precision

import (
	"math"

	"autodeeplab/onnx/tensor"
)

// Range is what a value is taken to hold. It need not contain 0; what is quantised does.
type Range struct{ Low, High float64 }

// params are the scale and zero point of an activation: real = (stored − zero)·scale.
type params struct {
	scale float32
	zero  uint8
}

// activation gives the uint8 of a range, widened so that it holds 0, which padding and Relu need exactly.
func activation(r Range) params {
	low, high := min(r.Low, 0), max(r.High, 0)
	scale := float32((high - low) / 255)
	if !(scale > 0) || high-low < 1e-30 { // nothing but 0, or so little that the quotients would overflow
		return params{scale: 1}
	}
	zero := math.RoundToEven(-low / float64(scale))
	return params{scale: scale, zero: uint8(min(max(zero, 0), 255))}
}

// symmetric gives the int8 of a range, with zero point 0.
func symmetric(r Range) params {
	most := max(-r.Low, r.High)
	scale := float32(most / 127)
	if !(scale > 0) || most < 1e-30 {
		return params{scale: 1}
	}
	return params{scale: scale}
}

// maxBias is the largest number that a quantised bias is given: room is left for the sum that is added to it, which of
// 2^16 products of uint8 and int8 takes 2^31 at most; half of int32's range is more than real kernels need.
const maxBias = 1 << 30

// weights quantises a kernel [outputs, …] to int8, symmetric, with a scale an output channel. least are the least scales
// that the channels may have, nil for none.
func weights(w []float32, outputs int, least []float64) (stored []int8, scales []float32) {
	stored, scales = make([]int8, len(w)), make([]float32, outputs)
	per := len(w) / max(outputs, 1)
	for c := range outputs {
		row := w[c*per : (c+1)*per]
		most := 0.0
		for _, v := range row {
			most = max(most, math.Abs(float64(v)))
		}
		scale := most / 127
		if least != nil {
			scale = max(scale, least[c])
		}
		scales[c] = float32(scale)
		if scale < 1e-30 { // a dead channel
			scales[c] = 1
		}
		for i, v := range row {
			stored[c*per+i] = int8(min(max(math.RoundToEven(float64(v)/float64(scales[c])), -127), 127))
		}
	}
	return stored, scales
}

// leastScales are the scales of weights under which the biases would not fit int32 at an input scale, times 2.
//
// A channel of tiny weights and a large bias has its sum made by the bias; that its weights keep fewer digits then
// matters as little as they do.
func leastScales(bias []float32, input float32) []float64 {
	least := make([]float64, len(bias))
	for c, b := range bias {
		least[c] = math.Abs(float64(b)) / float64(input) / maxBias
	}
	return least
}

// biases quantises a bias to int32 with the scales input·weight, so that it can be added to the sums of products.
func biases(bias []float32, input float32, scales []float32) (stored []int32, at []float32) {
	stored, at = make([]int32, len(bias)), make([]float32, len(bias))
	for c, b := range bias {
		at[c] = input * scales[c]
		if at[c] < 1e-37 {
			at[c] = 1e-37 // a float32 with all its digits
		}
		stored[c] = int32(min(max(math.RoundToEven(float64(b)/float64(at[c])), -math.MaxInt32), math.MaxInt32))
	}
	return stored, at
}

// scalar and vector are the tensors of scales and zero points.
func scalar[T tensor.Elem](v T) *tensor.Tensor   { return tensor.Scalar(v) }
func vector[T tensor.Elem](v []T) *tensor.Tensor { return tensor.Of(v, len(v)) }
