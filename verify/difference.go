package verify

import (
	"fmt"
	"math"

	"autodeeplab/onnx/tensor"
)

// Difference says by how much a tensor differs from the one that it should equal.
type Difference struct {
	// Shape is type and shape of the tensor, WantShape those of the reference; where they differ, nothing else is said.
	Shape     string `json:"shape"`
	WantShape string `json:"want_shape"`
	// MaxError and MeanError are of the absolute differences; infinite where one of two numbers is none (NaN) or infinite
	// and the other one is not.
	MaxError  Number `json:"max_error"`
	MeanError Number `json:"mean_error"`
	// Range is the largest less the smallest finite number of the reference; where all are equal their size, and 1 where
	// all are 0. Relative is MaxError / Range.
	Range    Number `json:"range"`
	Relative Number `json:"relative"`
	// At is where the largest error is, by axis; Have and Want are the two numbers there.
	At   []int  `json:"at,omitempty"`
	Have Number `json:"have"`
	Want Number `json:"want"`
	// Different counts the elements that are not equal, of Elements.
	Different int `json:"different"`
	Elements  int `json:"elements"`
	// exact asks for equality: integers that are no quantised numbers, and booleans.
	exact bool
}

// Compatible says whether type class and shape are the same, so that numbers were compared.
func (d *Difference) Compatible() bool { return d.Elements >= 0 }

// Within says whether the difference is at most tolerance times the range; integers and booleans must be equal.
func (d *Difference) Within(tolerance float64) bool {
	switch {
	case !d.Compatible():
		return false
	case d.exact:
		return d.Different == 0
	}
	return float64(d.Relative) <= tolerance
}

// share is the share of elements that are equal.
func (d *Difference) share() float64 { return 1 - float64(d.Different)/float64(max(d.Elements, 1)) }

// Compare compares a tensor with its reference. Floats of different widths are compared as numbers; so are bytes that
// are quantised numbers, for which quantised says so. Strings are compared for equality.
func Compare(have, want *tensor.Tensor, quantised bool) Difference {
	d := Difference{Shape: have.String(), WantShape: want.String(), Elements: -1}
	if !sameShape(have.Shape, want.Shape) || have.DType != want.DType && !(have.DType.IsFloat() && want.DType.IsFloat()) {
		return d
	}
	d.exact = !want.DType.IsFloat() && !quantised
	d.Elements = want.NumElems()
	a, b := numbers(have), numbers(want)
	if a == nil || b == nil {
		d.compareStrings(have, want)
		return d
	}
	low, high := math.Inf(1), math.Inf(-1)
	var sum, most float64
	worst := -1
	for i := range d.Elements {
		x, y := a(i), b(i)
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			low, high = min(low, y), max(high, y)
		}
		e := apart(x, y)
		if e != 0 {
			d.Different++
			sum += e
		}
		if e > most {
			most, worst = e, i
		}
	}
	d.MaxError = Number(most)
	if d.Elements > 0 {
		d.MeanError = Number(sum / float64(d.Elements))
	}
	d.Range = Number(extent(low, high))
	d.Relative = Number(most / float64(d.Range))
	if worst >= 0 {
		d.At, d.Have, d.Want = position(worst, want.Shape), Number(a(worst)), Number(b(worst))
	}
	return d
}

// apart is the distance of two numbers, 0 for two that are no number or the same infinity.
func apart(x, y float64) float64 {
	switch {
	case x == y || math.IsNaN(x) && math.IsNaN(y):
		return 0
	case math.IsNaN(x) || math.IsNaN(y):
		return math.Inf(1)
	}
	return math.Abs(x - y)
}

// extent is Difference.Range of numbers from low to high.
func extent(low, high float64) float64 {
	switch {
	case high > low:
		return high - low
	case high == low && high != 0:
		return math.Abs(high)
	}
	return 1
}

func (d *Difference) compareStrings(have, want *tensor.Tensor) {
	a, b := tensor.Data[string](have), tensor.Data[string](want)
	d.Range = 1
	for i := range b {
		if a[i] != b[i] {
			if d.Different == 0 {
				d.At = position(i, want.Shape)
			}
			d.Different++
			d.MaxError, d.Relative = 1, 1
		}
	}
}

func sameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// position turns an index into one a dimension.
func position(i int, shape []int) []int {
	at := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		at[k] = i % shape[k]
		i /= shape[k]
	}
	return at
}

// numbers gives access to a tensor's elements as numbers, nil for strings.
func numbers(t *tensor.Tensor) func(int) float64 {
	switch d := t.Data.(type) {
	case []float32:
		return numbersOf(d)
	case []float64:
		return numbersOf(d)
	case []int8:
		return numbersOf(d)
	case []int16:
		return numbersOf(d)
	case []int32:
		return numbersOf(d)
	case []int64:
		return numbersOf(d)
	case []uint8:
		return numbersOf(d)
	case []uint16:
		return numbersOf(d)
	case []uint32:
		return numbersOf(d)
	case []uint64:
		return numbersOf(d)
	case []tensor.F16:
		return func(i int) float64 { return float64(d[i].Float32()) }
	case []tensor.BF16:
		return func(i int) float64 { return float64(d[i].Float32()) }
	case []bool:
		return func(i int) float64 {
			if d[i] {
				return 1
			}
			return 0
		}
	}
	return nil
}

func numbersOf[T float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](d []T) func(int) float64 {
	return func(i int) float64 { return float64(d[i]) }
}

// Number is a float64 that JSON can hold whatever it is: infinities and NaN as strings.
type Number float64

// MarshalJSON writes what JSON has no number for as "NaN", "+Inf" or "-Inf".
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Appendf(nil, "%q", fmt.Sprint(f)), nil
	}
	return fmt.Appendf(nil, "%.9g", float64(n)), nil
}

// Words is the difference in a line: errors, where, and the share of the range.
func (d *Difference) Words() string {
	switch {
	case !d.Compatible():
		return fmt.Sprintf("it is %s, not %s", d.Shape, d.WantShape)
	case d.Different == 0:
		return "equal"
	case d.exact:
		return fmt.Sprintf("%d of %d differ, first by most at %s (%.9g, not %.9g)", d.Different, d.Elements, tensor.FormatShape(d.At), float64(d.Have), float64(d.Want))
	}
	return fmt.Sprintf("max error %.3g at %s (%.6g, not %.6g), mean %.3g, %.3g of the range %.4g",
		float64(d.MaxError), tensor.FormatShape(d.At), float64(d.Have), float64(d.Want), float64(d.MeanError), float64(d.Relative), float64(d.Range))
}
