package kernel

// moveGrain is how many elements one chunk of a copying kernel moves at least: fewer are not worth another goroutine.
const moveGrain = 1 << 14

// strideAxis is one axis of a strided copy: its size, and how far apart its elements lie in the source.
type strideAxis struct {
	n, step int
}

// Strided copies to dst, dense and row-major of the given sizes, the elements of src that lie at
// offset + Σ ik·steps[k]. Steps may be 0 (repeat an element) or negative. All those elements must lie within src.
func Strided[T any](p *Pool, dst, src []T, sizes, steps []int, offset int) {
	// What is left after merging tells which of three loops fits: runs of neighbours or repeats, transposition, or plain
	// steps.
	axes, ok := mergeAxes(sizes, steps)
	if !ok {
		return
	}
	if len(axes) == 0 {
		dst[0] = src[offset]
		return
	}
	last := axes[len(axes)-1]
	if last.step != 0 && last.step != 1 {
		for k, a := range axes[:len(axes)-1] {
			if a.step == 1 {
				transposed(p, dst, src, axes, k, offset)
				return
			}
		}
	}
	rows := 1
	for _, a := range axes[:len(axes)-1] {
		rows *= a.n
	}
	// A row longer than a chunk is cut, so that all threads have work where there is but one row.
	blocks := (last.n + moveGrain - 1) / moveGrain
	p.For(rows*blocks, max(moveGrain/last.n, 1), func(_, lo, hi int) {
		at := newOdometer(axes[:len(axes)-1], lo/blocks)
		for u := lo; u < hi; u++ {
			b := u % blocks
			x, n := b*moveGrain, min(moveGrain, last.n-b*moveGrain)
			stridedRun(dst[u/blocks*last.n+x:][:n], src, offset+at.offset+x*last.step, last.step)
			if b == blocks-1 {
				at.next()
			}
		}
	})
}

// stridedRun fills dst with every step-th element of src from at on.
func stridedRun[T any](dst, src []T, at, step int) {
	switch {
	case step == 1 && len(dst) < 8: // a call of memmove costs more
		for i, v := range src[at:][:len(dst)] {
			dst[i] = v
		}
	case step == 1:
		copy(dst, src[at:])
	case step == 0:
		fillRun(dst, src[at])
	default:
		for i := range dst {
			dst[i] = src[at]
			at += step
		}
	}
}

// mergeAxes drops axes of one element and joins neighbours that together make evenly spaced elements; ok is false if
// there are no elements at all.
func mergeAxes(sizes, steps []int) (axes []strideAxis, ok bool) {
	for k, n := range sizes {
		switch last := len(axes) - 1; {
		case n == 0:
			return nil, false
		case n == 1:
		case last >= 0 && axes[last].step == n*steps[k]:
			axes[last] = strideAxis{axes[last].n * n, steps[k]}
		default:
			axes = append(axes, strideAxis{n, steps[k]})
		}
	}
	return axes, true
}

// odometer walks the source offsets of a row-major sequence of indices.
type odometer struct {
	axes   []strideAxis
	at     []int
	offset int
}

// newOdometer starts at the i-th index.
func newOdometer(axes []strideAxis, i int) *odometer {
	o := &odometer{axes: axes, at: make([]int, len(axes))}
	for k := len(axes) - 1; k >= 0; k-- {
		o.at[k] = i % axes[k].n
		i /= axes[k].n
		o.offset += o.at[k] * axes[k].step
	}
	return o
}

func (o *odometer) next() {
	for k := len(o.axes) - 1; k >= 0; k-- {
		a := o.axes[k]
		o.at[k]++
		o.offset += a.step
		if o.at[k] < a.n {
			return
		}
		o.offset -= a.n * a.step
		o.at[k] = 0
	}
}
