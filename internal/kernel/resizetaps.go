package kernel

import (
	"math"
	"slices"
)

// Interpolation is how a resized element is made of source elements.
type Interpolation uint8

// The interpolations of ONNX's Resize.
const (
	Nearest Interpolation = iota
	Linear
	Cubic
)

// Coordinates is how a position of the resized axis is mapped to one of the source.
type Coordinates uint8

// The coordinate transformations of ONNX's Resize.
const (
	HalfPixel Coordinates = iota
	HalfPixelSymmetric
	PytorchHalfPixel
	AlignCorners
	Asymmetric
	CropAndResize
	HalfPixelForNearest // TensorFlow's tf_half_pixel_for_nn
)

// Rounding is how Nearest brings a coordinate to a position.
type Rounding uint8

// The roundings of ONNX's Resize. RoundOld is that of opset 10 and before as ONNX Runtime has it: down where the axis
// grows, up where it shrinks.
const (
	RoundPreferFloor Rounding = iota
	RoundPreferCeil
	RoundFloor
	RoundCeil
	RoundOld
)

// Sampling is the method of a resize, the same for all its axes.
type Sampling struct {
	Interpolation  Interpolation
	Coordinates    Coordinates
	Rounding       Rounding
	CubicA         float64 // Keys' coefficient a
	ExcludeOutside bool    // taps outside the source weigh nothing, rather than repeat its edge
	Antialias      bool    // where an axis shrinks, Linear and Cubic are stretched by 1/scale
}

// Span is one axis of a resize: its lengths, and the numbers that its coordinates are computed from. Length is the
// resized length, perhaps before it was made whole, of AlignCorners; Start and End are the region of the source that
// CropAndResize takes, in units of its last index.
type Span struct {
	In, Out                   int
	Scale, Length, Start, End float64
}

// Taps says for each position of a resized axis which source positions it is made of.
type Taps[F Floating] struct {
	In, Out, Width int
	Index          []int32 // Out × Width, each in [0, In)
	Weight         []F     // Out × Width; nil for Nearest, whose width is 1
	Outside        []bool  // nil, or marks the positions that lie beyond the source (CropAndResize)

	pairs *tapPairs[F] // the same for two neighbours, as the loops like it best; nil if there are none
}

// tapPairs says for each position which two neighbours it is made of: first, with weight a, and the next, with b.
type tapPairs[F Floating] struct {
	first []int32 // in [0, In − 1)
	a, b  []F

	// For float32 where it can be: first cut into vectors of lanes positions, whose source elements all lie within lanes
	// of base, and rel behind it.
	lanes     int
	base, rel []int32
}

// vectors fills in the vectors of assembly, if every one of them reaches far enough.
func (p *tapPairs[F]) vectors(in int) {
	if _, ok := any(p.a).([]float32); !ok || rowFast == nil || in <= rowFast.lanes {
		return
	}
	n := rowFast.lanes
	var base, rel []int32
	for o := 0; o+n <= len(p.first); o += n {
		v := p.first[o : o+n]
		from := min(slices.Min(v), int32(in-1-n)) // so that the element behind the vector is still one
		if slices.Max(v)-from >= int32(n) {
			return
		}
		base = append(base, from)
		for _, i := range v {
			rel = append(rel, i-from)
		}
	}
	p.lanes, p.base, p.rel = n, base, rel
}

// line resamples one line.
func (p *tapPairs[F]) line(dst, src []F) {
	n := len(p.rel)
	if to, ok := any(dst).([]float32); ok && n > 0 && rowFast != nil && p.lanes == rowFast.lanes {
		from, a, b := any(src).([]float32), any(p.a).([]float32), any(p.b).([]float32)
		rowFast.lerp(&to[:n][0], &from[0], n, &p.base[0], &p.rel[0], &a[:n][0], &b[:n][0])
	} else {
		n = 0
	}
	first := p.first[n:]
	dst, wa, wb := dst[n:][:len(first)], p.a[n:][:len(first)], p.b[n:][:len(first)]
	for x, i := range first {
		v := src[i : i+2 : i+2]
		dst[x] = F(v[0]*wa[x]) + F(v[1]*wb[x])
	}
}

// pair rewrites taps of two as neighbours. Only at the ends are both taps the same element.
func (t *Taps[F]) pair() {
	if t.Width != 2 || t.In < 2 {
		return
	}
	p := &tapPairs[F]{first: make([]int32, t.Out), a: make([]F, t.Out), b: make([]F, t.Out)}
	for o := range t.Out {
		i, w := t.Index[2*o:][:2], t.Weight[2*o:][:2]
		switch {
		case i[1] == i[0]+1:
			p.first[o], p.a[o], p.b[o] = i[0], w[0], w[1]
		case i[0] == 0:
			p.a[o] = w[0] + w[1]
		default:
			p.first[o], p.b[o] = i[0]-1, w[0]+w[1]
		}
	}
	p.vectors(t.In)
	t.pairs = p
}

// NewTaps computes the taps of an axis, with coordinates and weights in F: float32 gives what ONNX Runtime computes.
// In must not be 0 unless Out is, and neither more than 1<<31 − 1.
func NewTaps[F Floating](a Span, s Sampling) *Taps[F] {
	t := &Taps[F]{In: a.In, Out: a.Out, Width: 1}
	reach := 0 // taps go from floor(x) − reach + 1 to floor(x) + reach
	stretch := 1.0
	switch s.Interpolation {
	case Linear:
		reach = 1
	case Cubic:
		reach = 2
	}
	if s.Antialias && a.Scale < 1 && reach > 0 {
		stretch = a.Scale
		// A shrinking axis that keeps at least one element has In·Scale ≥ 1/2, which bounds this by 4·In.
		reach = int(math.Ceil(min(float64(reach)/a.Scale, 4*float64(a.In))))
	}
	if reach > 0 {
		t.Width = 2 * reach
		t.Weight = make([]F, t.Out*t.Width)
	}
	t.Index = make([]int32, t.Out*t.Width)
	if s.Coordinates == CropAndResize {
		t.Outside = make([]bool, t.Out)
	}
	for o := range t.Out {
		x := coordinate[F](a, s.Coordinates, F(o))
		if t.Outside != nil && !(x >= 0 && x <= F(a.In-1)) {
			t.Outside[o] = true
			continue // whose taps are all of index 0 and weight 0
		}
		// Nothing lies further out than the edge, but a coordinate may, and must fit an int.
		x = min(max(x, -4), F(a.In)+4)
		if reach == 0 {
			t.Index[o] = int32(within(s.Rounding.position(float64(x), a.Scale < 1), a.In))
			continue
		}
		t.weigh(o, x, reach, stretch, &s)
	}
	t.pair()
	return t
}

// coordinate maps position o of the resized axis to the source, with ONNX's formulas in the order and, for
// half_pixel_symmetric, the mixed precision of ONNX Runtime.
func coordinate[F Floating](a Span, mode Coordinates, o F) F {
	scale, out, last := F(a.Scale), F(a.Out), F(a.In-1)
	switch mode {
	case HalfPixelSymmetric:
		offset := F(a.In) / 2 * (1 - out/(scale*F(a.In)))
		return F(float64(offset) + (float64(o)+0.5)/float64(scale) - 0.5)
	case PytorchHalfPixel:
		if a.Out == 1 {
			return 0
		}
	case AlignCorners:
		if a.Length == 1 {
			return 0
		}
		return o * last / (F(a.Length) - 1)
	case Asymmetric:
		return o / scale
	case CropAndResize:
		start, end := F(a.Start), F(a.End)
		if a.Out == 1 {
			return (start + end) * last / 2
		}
		return start*last + o*(end-start)*last/(out-1)
	case HalfPixelForNearest:
		return (o + 0.5) / scale
	}
	return (o+0.5)/scale - 0.5
}

// tie is how far from a half a coordinate may lie and still count as one: what float32 makes of exact halves (ONNX
// Runtime 1.30 has the same measure).
const tie = 1e-6

// position gives the whole number that is nearest to x in the sense of r; shrinks says that the axis gets shorter.
func (r Rounding) position(x float64, shrinks bool) int {
	switch {
	case r == RoundPreferFloor:
		x = math.Ceil(x - 0.5 - tie)
	case r == RoundPreferCeil:
		x = math.Floor(x + 0.5 + tie)
	case r == RoundCeil || r == RoundOld && shrinks:
		x = math.Ceil(x)
	default:
		x = math.Floor(x)
	}
	return int(x)
}

// within brings position i to the nearest one of an axis of length n.
func within(i, n int) int { return max(0, min(i, n-1)) }

// weigh fills in the taps of position o, whose coordinate is x.
func (t *Taps[F]) weigh(o int, x F, reach int, stretch float64, s *Sampling) {
	if s.Interpolation == Linear && stretch == 1 {
		x = min(max(x, 0), F(t.In-1)) // the same as repeating the edge, but exact
	}
	base := int(math.Floor(float64(x)))
	weight, index := t.Weight[o*t.Width:][:t.Width], t.Index[o*t.Width:][:t.Width]
	tap := func(k int) (at int, w float64) {
		at = base - reach + 1 + k
		if s.ExcludeOutside && (at < 0 || at >= t.In) {
			return at, 0
		}
		return at, s.filter(math.Abs(float64(x)-float64(at)) * stretch)
	}
	sum := 0.0
	for k := range weight {
		_, w := tap(k)
		sum += w
	}
	if stretch == 1 && !s.ExcludeOutside || sum == 0 {
		sum = 1
	}
	for k := range weight {
		at, w := tap(k)
		weight[k], index[k] = F(w/sum), int32(within(at, t.In))
	}
}

// filter is the weight of a tap at distance d: the triangle, or Keys' cubic (1981, equation 4).
func (s *Sampling) filter(d float64) float64 {
	if s.Interpolation == Linear {
		return max(0, 1-d)
	}
	a := s.CubicA
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}
