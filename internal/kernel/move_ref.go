package kernel

// StridedRef is Strided, element by element.
func StridedRef[T any](dst, src []T, sizes, steps []int, offset int) {
	for i := range dst {
		at, r := offset, i
		for k := len(sizes) - 1; k >= 0; k-- {
			at += r % sizes[k] * steps[k]
			r /= sizes[k]
		}
		dst[i] = src[at]
	}
}

// CopyRowsRef is CopyRows, element by element.
func CopyRowsRef[T any](dst, src []T, width, at, stride int) {
	for i, v := range src {
		dst[i/width*stride+at+i%width] = v
	}
}

// GatherRef is Gather, element by element.
func GatherRef[T any, I int32 | int64](dst, src []T, indices []I, outer, n, inner int) {
	for o := range outer {
		for k, from := range indices {
			for x := range inner {
				dst[(o*len(indices)+k)*inner+x] = src[(o*n+(int(from)+n)%n)*inner+x]
			}
		}
	}
}

// PadRef is Pad, element by element: the index of the destination is brought into the source one step of the mode at a
// time, as NumPy pads wide margins.
func PadRef[T any](dst, src []T, axes []PadAxis, mode PadMode, fill T) {
	for i := range dst {
		at, stride, r := 0, 1, i
		for k := len(axes) - 1; k >= 0 && at >= 0; k-- {
			a := axes[k]
			out := a.Size + a.Before + a.After
			s := padStepRef(r%out-a.Before, max(0, -a.Before), a.Size+min(0, a.After), mode)
			if s < 0 {
				at = -1
				break
			}
			at += s * stride
			stride *= a.Size
			r /= out
		}
		if at < 0 {
			dst[i] = fill
		} else {
			dst[i] = src[at]
		}
	}
}

// padStepRef moves x into [lo, hi); −1 is the constant.
func padStepRef(x, lo, hi int, mode PadMode) int {
	for x < lo || x >= hi {
		switch {
		case mode == PadConstant:
			return -1
		case mode == PadEdge || hi-lo == 1:
			x = min(max(x, lo), hi-1)
		case mode == PadWrap && x < lo:
			x += hi - lo
		case mode == PadWrap:
			x -= hi - lo
		case x < lo:
			x = 2*lo - x
		default:
			x = 2*(hi-1) - x
		}
	}
	return x
}
