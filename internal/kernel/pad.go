package kernel

// PadMode says what Pad puts around the elements.
type PadMode uint8

// The modes of ONNX's Pad, as numpy.pad has them: a constant; the elements mirrored without repeating the outermost;
// the outermost element; the elements from the other end. Where a margin is wider than what it repeats, it repeats again.
const (
	PadConstant PadMode = iota
	PadReflect
	PadEdge
	PadWrap
)

// PadAxis is one axis of Pad: its size in the source, and the elements to add before and after it, or to crop where
// negative. Cropping comes first: a mode that repeats elements repeats only what is left of them.
type PadAxis struct {
	Size, Before, After int
}

// out is the axis's size in the destination.
func (a PadAxis) out() int { return a.Size + a.Before + a.After }

// window gives the source's elements that are left after cropping, [lo, hi).
func (a PadAxis) window() (lo, hi int) { return max(0, -a.Before), a.Size - max(0, -a.After) }

// source maps an index of the destination to one of the source; −1 is the constant.
func (a PadAxis) source(i int, mode PadMode) int {
	lo, hi := a.window()
	i, n := i-a.Before-lo, hi-lo
	if i >= 0 && i < n {
		return lo + i
	}
	switch mode {
	case PadEdge:
		return lo + min(max(i, 0), n-1)
	case PadReflect:
		if n == 1 {
			return lo
		}
		if i = modulo(i, 2*(n-1)); i >= n {
			i = 2*(n-1) - i
		}
		return lo + i
	case PadWrap:
		return lo + modulo(i, n)
	}
	return -1
}

// modulo is the remainder in [0, n).
func modulo(i, n int) int {
	if i %= n; i < 0 {
		i += n
	}
	return i
}

// Pad copies src with a margin added or cropped on each axis. dst is dense, of the padded sizes, none of which may be
// negative; in all modes but PadConstant cropping must leave at least one element of each axis, unless dst has none.
func Pad[T any](p *Pool, dst, src []T, axes []PadAxis, mode PadMode, fill T) {
	if len(dst) == 0 {
		return
	}
	axes = mergePads(axes, mode)
	if len(axes) == 0 {
		copy(dst, src)
		return
	}
	last := axes[len(axes)-1]
	width := last.out()
	p.For(len(dst)/width, max(moveGrain/width, 1), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			row := dst[r*width:][:width]
			if at := padRow(axes[:len(axes)-1], r, mode); at < 0 {
				fillRun(row, fill)
			} else {
				padRun(row, src[at*last.Size:][:last.Size], last, mode, fill)
			}
		}
	})
}

// padRow gives the source's row for row r of the destination, or −1 for one that is all constant.
func padRow(outer []PadAxis, r int, mode PadMode) int {
	at, stride := 0, 1
	for k := len(outer) - 1; k >= 0; k-- {
		a := outer[k]
		n := a.out()
		i := a.source(r%n, mode)
		if i < 0 {
			return -1
		}
		at += i * stride
		stride *= a.Size
		r /= n
	}
	return at
}

// padRun pads one row.
func padRun[T any](dst, src []T, a PadAxis, mode PadMode, fill T) {
	lo, hi := a.window()
	if lo >= hi { // only a constant margin gets here
		fillRun(dst, fill)
		return
	}
	left, right := lo+a.Before, hi+a.Before // where the window lies in dst
	if mode == PadConstant {
		fillRun(dst[:left], fill)
		fillRun(dst[right:], fill)
	} else {
		for i := range left {
			dst[i] = src[a.source(i, mode)]
		}
		for i := right; i < len(dst); i++ {
			dst[i] = src[a.source(i, mode)]
		}
	}
	copy(dst[left:right], src[lo:hi])
}

// mergePads joins axes without pads to the one inside them, and, where the margin is constant, to the one outside them,
// so that rows are long.
func mergePads(axes []PadAxis, mode PadMode) []PadAxis {
	var out []PadAxis
	for _, a := range axes {
		plain := a.Before == 0 && a.After == 0
		if k := len(out) - 1; k >= 0 && plain {
			o := &out[k]
			if o.Before == 0 && o.After == 0 || mode == PadConstant && a.Size > 0 && max(o.Before, -o.Before, o.After, -o.After) < 1<<30 && a.Size < 1<<30 {
				o.Size *= a.Size
				o.Before *= a.Size
				o.After *= a.Size
				continue
			}
		}
		out = append(out, a)
	}
	return out
}
