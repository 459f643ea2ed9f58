package kernel

import "math"

// PoolAxis says how a pooling window moves along one axis: window o covers the source positions
// o·Stride − Begin + k·Dilation for k in [0, Kernel), as far as they lie in [0, In).
type PoolAxis struct {
	In, Out, Kernel, Stride, Dilation, Begin, End int
}

// PoolShape is a batch of images (or volumes, or lines) and the window that moves over each.
type PoolShape struct {
	Planes int         // batch × channels
	Axes   [3]PoolAxis // depth, height, width; WholeAxis for those that the images lack
}

// WholeAxis is an axis of length 1 that is pooled into itself.
var WholeAxis = PoolAxis{In: 1, Out: 1, Kernel: 1, Stride: 1, Dilation: 1}

// Source counts the elements of one source plane, Size those of one pooled plane.
func (s *PoolShape) Source() int { return s.Axes[0].In * s.Axes[1].In * s.Axes[2].In }

// Size counts the elements of one pooled plane.
func (s *PoolShape) Size() int { return s.Axes[0].Out * s.Axes[1].Out * s.Axes[2].Out }

// taps gives the range of k for which window o lies on the source; it is empty (k1 ≤ k0) if none does.
func (a *PoolAxis) taps(o int) (start, k0, k1 int) {
	start = o*a.Stride - a.Begin
	if start < 0 {
		k0 = (-start + a.Dilation - 1) / a.Dilation
	}
	k1 = min(a.Kernel, divUp(a.In-start, a.Dilation))
	return start, k0, k1
}

// padded counts the positions of window o that lie on the source or its paddings.
func (a *PoolAxis) padded(o int) int {
	return min(a.Kernel, divUp(a.In+a.End-(o*a.Stride-a.Begin), a.Dilation))
}

// inner gives the range of windows that lie on the source with all their taps.
func (a *PoolAxis) inner() (lo, hi int) {
	lo = min(divUp(a.Begin, a.Stride), a.Out)
	last := a.In - 1 - (a.Kernel-1)*a.Dilation + a.Begin // where the last such window may start, plus Begin
	if last < 0 {
		return a.Out, a.Out
	}
	return lo, max(lo, min(last/a.Stride+1, a.Out))
}

func divUp(a, b int) int {
	if a <= 0 {
		return 0
	}
	return (a + b - 1) / b
}

// rowGrain cuts rows of the given length into pieces of about 16 Ki elements for Pool.For.
func rowGrain(length int) int { return max(1, 1<<14/max(length, 1)) }

// PoolScratch is how many float32 of scratch memory MaxPool and AveragePool need.
func PoolScratch(p *Pool, s *PoolShape) int { return p.Threads() * s.Axes[2].In }

// MaxPool writes the largest value of every window to dst, of Planes·Size elements. A window with a NaN gives NaN; one
// that touches no element gives −∞. First the rows of a window are folded into one, then its columns.
func MaxPool(p *Pool, dst, src []float32, s *PoolShape, scratch []float32) {
	poolRows(p, dst, src, s, scratch, maxRow, func(dst, row []float32, w *PoolAxis, _ int, _ bool) { maxWindows(dst, row, w) }, false)
}

// AveragePool writes the mean of every window to dst: of what lies on the source, or, if includePad, of that and the
// paddings (as zeros). A window that has nothing to average gives 0.
func AveragePool(p *Pool, dst, src []float32, s *PoolShape, includePad bool, scratch []float32) {
	poolRows(p, dst, src, s, scratch, addRow, meanWindows, includePad)
}

// poolRows computes the rows of pooled planes, each from the fold of the source rows that its window touches. count is
// the number of those rows (or of the padded ones): what a window of one column holds.
func poolRows(p *Pool, dst, src []float32, s *PoolShape, scratch []float32, fold func(acc, row []float32),
	finish func(dst, row []float32, w *PoolAxis, count int, includePad bool), includePad bool) {
	d, h, w := &s.Axes[0], &s.Axes[1], &s.Axes[2]
	rows := d.Out * h.Out
	p.For(s.Planes*rows, rowGrain(w.In*d.Kernel*h.Kernel), func(worker, lo, hi int) {
		acc := scratch[worker*w.In:][:w.In]
		for r := lo; r < hi; r++ {
			plane, od, oh := r/rows, r%rows/h.Out, r%h.Out
			dStart, d0, d1 := d.taps(od)
			hStart, h0, h1 := h.taps(oh)
			base := plane * s.Source()
			row := acc
			n := max(0, d1-d0) * max(0, h1-h0)
			for kd := d0; kd < d1; kd++ {
				for kh := h0; kh < h1; kh++ {
					at := base + ((dStart+kd*d.Dilation)*h.In+hStart+kh*h.Dilation)*w.In
					from := src[at:][:w.In]
					switch {
					case n == 1:
						row = from
					case kd == d0 && kh == h0:
						copy(acc, from)
					default:
						fold(acc, from)
					}
				}
			}
			out := dst[r*w.Out:][:w.Out]
			if n == 0 {
				finish(out, nil, w, 0, false)
				continue
			}
			if includePad {
				n = d.padded(od) * h.padded(oh)
			}
			finish(out, row, w, n, includePad)
		}
	})
}

// maxWindows folds the columns of one row; an empty row stands for windows that touch nothing.
func maxWindows(dst, row []float32, w *PoolAxis) {
	low := float32(math.Inf(-1))
	if len(row) == 0 {
		for o := range dst {
			dst[o] = low
		}
		return
	}
	edge := func(from, to int) {
		for o := from; o < to; o++ {
			start, k0, k1 := w.taps(o)
			m := low
			for k := k0; k < k1; k++ {
				m = max(m, row[start+k*w.Dilation])
			}
			dst[o] = m
		}
	}
	lo, hi := w.inner()
	edge(0, lo)
	switch at := lo*w.Stride - w.Begin; {
	case lo == hi:
	case w.Stride == 1: // the taps of all windows are shifted rows
		to := dst[lo:hi]
		copy(to, row[at:])
		for k := 1; k < w.Kernel; k++ {
			maxRow(to, row[at+k*w.Dilation:])
		}
	case w.Kernel == 2 && w.Dilation == 1:
		for o := lo; o < hi; o++ {
			r := row[at : at+2 : at+2]
			dst[o] = max(r[0], r[1])
			at += w.Stride
		}
	case w.Kernel == 3 && w.Dilation == 1:
		for o := lo; o < hi; o++ {
			r := row[at : at+3 : at+3]
			dst[o] = max(r[0], r[1], r[2])
			at += w.Stride
		}
	default:
		for o := lo; o < hi; o++ {
			m := row[at]
			for k := 1; k < w.Kernel; k++ {
				m = max(m, row[at+k*w.Dilation])
			}
			dst[o] = m
			at += w.Stride
		}
	}
	edge(hi, len(dst))
}

// meanWindows averages the columns of one row of sums, each over count elements.
func meanWindows(dst, row []float32, w *PoolAxis, count int, includePad bool) {
	if len(row) == 0 {
		clear(dst)
		return
	}
	edge := func(from, to int) {
		for o := from; o < to; o++ {
			start, k0, k1 := w.taps(o)
			var sum float32
			for k := k0; k < k1; k++ {
				sum += row[start+k*w.Dilation]
			}
			n := k1 - k0
			if includePad {
				n = w.padded(o)
			}
			if dst[o] = 0; n > 0 {
				dst[o] = sum / float32(n*count)
			}
		}
	}
	lo, hi := w.inner()
	edge(0, lo)
	n := float32(w.Kernel * count)
	switch at := lo*w.Stride - w.Begin; {
	case lo == hi:
	case w.Stride == 1:
		to := dst[lo:hi]
		copy(to, row[at:])
		for k := 1; k < w.Kernel; k++ {
			addRow(to, row[at+k*w.Dilation:])
		}
		divideRow(to, n)
	case w.Kernel == 3 && w.Dilation == 1:
		for o := lo; o < hi; o++ {
			r := row[at : at+3 : at+3]
			dst[o] = (r[0] + r[1] + r[2]) / n
			at += w.Stride
		}
	default:
		for o := lo; o < hi; o++ {
			sum := row[at]
			for k := 1; k < w.Kernel; k++ {
				sum += row[at+k*w.Dilation]
			}
			dst[o] = sum / n
			at += w.Stride
		}
	}
	edge(hi, len(dst))
}
