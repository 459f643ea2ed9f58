package kernel

import "math"

// Quantized is a type that quantisation stores in.
type Quantized interface{ int8 | uint8 | int16 | uint16 }

// ScaleLayout says which scale (and zero point) belongs to which element of a tensor of Outer × Axis × Inner elements.
// Without Blocked it is the one of the index along Axis; one scale for all is Outer = Axis = 1. With it the scales form
// an array of Outer × ⌈Axis/Block⌉ × Inner, and each serves Block neighbours along Axis.
type ScaleLayout struct {
	Outer, Axis, Inner int
	Blocked            bool
	Block              int
}

// NumScales counts the scales of a layout with at least one element.
func (l ScaleLayout) NumScales() int {
	if l.Blocked {
		return l.Outer * l.blocks() * l.Inner
	}
	return l.Axis
}

// blocks rounds up; Block may be near the largest int.
func (l ScaleLayout) blocks() int { return (l.Axis-1)/l.Block + 1 }

// each calls f for runs of n elements from at on: they have the scales scale, scale+step, scale+2·step, …
func (l ScaleLayout) each(p *Pool, f func(at, n, scale, step int)) {
	switch {
	case l.Outer == 0 || l.Axis == 0 || l.Inner == 0:
	case l.Inner > 1 || !l.Blocked && l.Axis == 1:
		// A run is a row of Inner elements, or a piece of it where few rows are long.
		step, pieces := 0, (l.Inner+rowLen-1)/rowLen
		if l.Blocked {
			step = 1
		}
		p.For(l.Outer*l.Axis*pieces, max(1, rowLen/max(l.Inner, 1)), func(_, lo, hi int) {
			for k := lo; k < hi; k++ {
				row, from := k/pieces, k%pieces*rowLen
				scale := row % l.Axis
				if l.Blocked {
					scale = (row/l.Axis*l.blocks()+scale/l.Block)*l.Inner + from
				}
				f(row*l.Inner+from, min(rowLen, l.Inner-from), scale, step)
			}
		})
	case l.Blocked:
		blocks := l.blocks()
		p.For(l.Outer*blocks, max(1, rowLen/l.Block), func(_, lo, hi int) {
			for k := lo; k < hi; k++ {
				from := k % blocks * l.Block
				f(k/blocks*l.Axis+from, min(l.Block, l.Axis-from), k, 0)
			}
		})
	default:
		p.For(l.Outer, max(1, rowLen/max(l.Axis, 1)), func(_, lo, hi int) {
			for o := lo; o < hi; o++ {
				f(o*l.Axis, l.Axis, 0, 1)
			}
		})
	}
}

// Quantize computes x/scale, rounded to the nearest integer with halves to even, plus the zero point, bounded to what Q
// holds; a NaN becomes its zero point. zero is nil if there are none. The quotient is computed in F, and rounded
// by narrow first if that is not nil.
func Quantize[Q Quantized, F Floating](p *Pool, dst []Q, x []F, scale []F, zero []Q, l ScaleLayout, narrow func(F) F) {
	least, greatest := Least[Q](), Greatest[Q]()
	lo, hi := float64(least), float64(greatest)
	l.each(p, func(at, n, s, step int) {
		dst := dst[at : at+n]
		for i, v := range x[at : at+n] {
			q := v / scale[s]
			if narrow != nil {
				q = narrow(q)
			}
			var z Q
			if zero != nil {
				z = zero[s]
			}
			switch r := math.RoundToEven(float64(q)) + float64(z); {
			case r > lo && r < hi:
				dst[i] = Q(int32(r))
			case r >= hi:
				dst[i] = greatest
			case r <= lo:
				dst[i] = least
			default:
				dst[i] = z
			}
			s += step
		}
	})
}

// Dequantize computes (x − zero point)·scale: the difference exactly, then rounded to float32. zero is nil if there are
// none.
func Dequantize[Q Quantized | int32](p *Pool, dst []float32, x []Q, scale []float32, zero []Q, l ScaleLayout) {
	l.each(p, func(at, n, s, step int) {
		dst := dst[at : at+n]
		for i, v := range x[at : at+n] {
			d := int64(v)
			if zero != nil {
				d -= int64(zero[s])
			}
			dst[i] = float32(d) * scale[s]
			s += step
		}
	})
}

// QuantizeRange finds the scale and zero point with which uint8 covers both x and 0. NaNs are left out of account. Where
// every element is 0 the scale is 1.
func QuantizeRange(x []float32) (scale float32, zero uint8) {
	var lo, hi float32
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	if lo == hi {
		return 1, 0
	}
	scale = (hi - lo) / 255
	at := -lo / scale
	if at != at { // the range is infinite
		return scale, 0
	}
	return scale, uint8(math.RoundToEven(float64(max(0, min(255, at)))))
}

// QuantizeRef is Quantize element by element, with the index of each scale from its definition, and its oracle.
func QuantizeRef(x, scale, zero []float64, l ScaleLayout, least, greatest float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		s := l.scaleOf(i)
		out[i] = max(least, min(greatest, math.RoundToEven(x[i]/scale[s])+zero[s]))
	}
	return out
}

// DequantizeRef is Dequantize's oracle.
func DequantizeRef(x, scale, zero []float64, l ScaleLayout) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		s := l.scaleOf(i)
		out[i] = (x[i] - zero[s]) * scale[s]
	}
	return out
}

func (l ScaleLayout) scaleOf(i int) int {
	o, a, k := i/l.Inner/l.Axis, i/l.Inner%l.Axis, i%l.Inner
	if !l.Blocked {
		return a
	}
	return (o*((l.Axis-1)/l.Block+1)+a/l.Block)*l.Inner + k
}
