package kernel

// ResizeRef is the oracle of Resize: every element as one sum in float64 over all combinations of its taps.
func ResizeRef[F Floating](dst, src []F, in []int, taps []*Taps[F], fill F) {
	for o := range dst {
		dst[o] = F(resizeOne(src, in, taps, o, float64(fill)))
	}
}

func resizeOne[F Floating](src []F, in []int, taps []*Taps[F], o int, fill float64) float64 {
	last := len(in) - 1
	if last < 0 {
		return float64(src[0])
	}
	// All source elements that differ only in the last axis count as one image of the axes before it.
	n := resized(in, taps, last)
	i := o % n
	below := func(at int) float64 {
		line := make([]F, len(src)/in[last])
		for k := range line {
			line[k] = src[k*in[last]+at]
		}
		return resizeOne(line, in[:last], taps[:last], o/n, fill)
	}
	t := taps[last]
	switch {
	case t == nil:
		return below(i)
	case t.outside(i):
		return fill
	case last > 0 && outsideBefore(in[:last], taps[:last], o/n):
		return fill
	case t.Weight == nil:
		return below(int(t.Index[i]))
	}
	sum := 0.0
	for k := range t.Width {
		sum += float64(t.Weight[i*t.Width+k]) * below(int(t.Index[i*t.Width+k]))
	}
	return sum
}

func outsideBefore[F Floating](in []int, taps []*Taps[F], o int) bool {
	for k := len(in) - 1; k >= 0; k-- {
		n := resized(in, taps, k)
		if taps[k].outside(o % n) {
			return true
		}
		o /= n
	}
	return false
}
