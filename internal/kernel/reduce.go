package kernel

import (
	"math"
	"unsafe"
)

// ReduceAxis is one axis of an array to reduce, or several neighbouring ones of the same fate merged into one.
type ReduceAxis struct {
	Size    int
	Reduced bool
}

// MergeAxes describes an array of the given shape whose marked axes are to be reduced, with as few axes as can be.
func MergeAxes(shape []int, reduced []bool) []ReduceAxis {
	var axes []ReduceAxis
	for i, n := range shape {
		switch last := len(axes) - 1; {
		case n == 1:
		case last >= 0 && axes[last].Reduced == reduced[i]:
			axes[last].Size *= n
		default:
			axes = append(axes, ReduceAxis{n, reduced[i]})
		}
	}
	if len(axes) == 0 {
		axes = append(axes, ReduceAxis{Size: 1})
	}
	return axes
}

// reduction is what to compute over the reduced axes: A accumulates, starting from init.
type reduction[T, A any] struct {
	init A
	run  func(acc A, run []T) A       // folds a run of neighbours into one accumulator
	row  func(acc []A, row []T)       // folds a row element by element into as many accumulators
	done func(acc A, count int) (v T) // the result of count folded elements
}

// columnBlock is how many accumulators stand side by side where rows are folded: few enough to stay in the cache.
const columnBlock = 256

// do reduces src to dst. Each result is folded in the order of the source, whoever computes it.
func (r *reduction[T, A]) do(p *Pool, dst, src []T, axes []ReduceAxis) {
	var kept, folded []strided
	count, stride := 1, 1
	for i := len(axes) - 1; i >= 0; i-- {
		a := strided{axes[i].Size, stride}
		stride *= a.size
		if axes[i].Reduced {
			folded, count = append(folded, a), count*a.size
		} else {
			kept = append(kept, a)
		}
	}
	if axes[len(axes)-1].Reduced {
		length := folded[0].size
		runs := walk{dims: folded[1:]}
		p.For(len(dst), rowGrain(count), func(_, lo, hi int) {
			for o := lo; o < hi; o++ {
				acc, base := r.init, offset(kept, o)
				if len(runs.dims) == 0 {
					acc = r.run(acc, src[base:][:length])
				} else {
					for at := range runs.from(base) {
						acc = r.run(acc, src[at:][:length])
					}
				}
				dst[o] = r.done(acc, count)
			}
		})
		return
	}
	width := kept[0].size
	blocks := (width + columnBlock - 1) / columnBlock
	rows := walk{dims: folded}
	p.For(len(dst)/max(width, 1)*blocks, rowGrain(min(width, columnBlock)*count), func(_, lo, hi int) {
		var acc [columnBlock]A
		for b := lo; b < hi; b++ {
			o, x := b/blocks, b%blocks*columnBlock
			n := min(columnBlock, width-x)
			for j := range n {
				acc[j] = r.init
			}
			for at := range rows.from(offset(kept[1:], o) + x) {
				r.row(acc[:n], src[at:][:n])
			}
			out := dst[o*width+x:][:n]
			for j := range out {
				out[j] = r.done(acc[j], count)
			}
		}
	})
}

// strided is an axis as memory has it; lists of them have the fastest one first.
type strided struct{ size, stride int }

// offset finds where the o-th of the positions that dims span lies.
func offset(dims []strided, o int) int {
	at := 0
	for _, d := range dims {
		at += o % d.size * d.stride
		o /= d.size
	}
	return at
}

// walk visits all positions that dims span in the order of memory.
type walk struct{ dims []strided }

func (w walk) from(base int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		n := 1
		for _, d := range w.dims {
			n *= d.size
		}
		for o := range n {
			if !yield(base + offset(w.dims, o)) {
				return
			}
		}
	}
}

// ReduceSum adds up src over its reduced axes in A, which should be wider than T for floats: float64 for float32.
// dst has one element for each combination of the kept axes. The sum of nothing is 0.
func ReduceSum[A, T Real](p *Pool, dst, src []T, axes []ReduceAxis) {
	sumOf[A](func(acc A, _ int) T { return T(acc) }).do(p, dst, src, axes)
}

// ReduceMean is ReduceSum divided by the number of elements; integers are divided towards zero. The mean of nothing is NaN, or 0
// for integers.
func ReduceMean[A, T Real](p *Pool, dst, src []T, axes []ReduceAxis) {
	one, two := A(1), A(2)
	whole := one/two == 0
	sumOf[A](func(acc A, n int) T {
		if n == 0 && whole {
			return 0
		}
		return T(acc / A(n))
	}).do(p, dst, src, axes)
}

func sumOf[A, T Real](done func(A, int) T) *reduction[T, A] {
	r := &reduction[T, A]{run: sumRun[A, T], row: sumRow[A, T], done: done}
	if run, ok := any(sumFloats).(func(A, []T) A); ok {
		r.run = run
	}
	if row, ok := any(widenRow).(func([]A, []T)); ok {
		r.row = row
	}
	return r
}

// sumRun adds in four interleaved sums: one would wait for itself at every element.
func sumRun[A, T Real](acc A, run []T) A {
	var s [4]A
	n := len(run) &^ 3
	for i := 0; i < n; i += 4 {
		r := run[i : i+4 : i+4]
		s[0] += A(r[0])
		s[1] += A(r[1])
		s[2] += A(r[2])
		s[3] += A(r[3])
	}
	for _, v := range run[n:] {
		s[0] += A(v)
	}
	return acc + ((s[0] + s[1]) + (s[2] + s[3]))
}

func sumRow[A, T Real](acc []A, row []T) {
	row = row[:len(acc)]
	for i, v := range row {
		acc[i] += A(v)
	}
}

// ReduceMax finds the largest element over the reduced axes; a NaN makes the result NaN. Of nothing it is −∞, or the least
// number of an integer type.
func ReduceMax[T Real](p *Pool, dst, src []T, axes []ReduceAxis) {
	(&reduction[T, T]{
		init: Least[T](),
		run: func(acc T, run []T) T {
			for _, v := range run {
				acc = max(acc, v)
			}
			return acc
		},
		row:  maxRows[T](),
		done: func(acc T, _ int) T { return acc },
	}).do(p, dst, src, axes)
}

// maxRows gives the fastest way to take the larger elements of two rows.
func maxRows[T Real]() func(acc, row []T) {
	if f, ok := any(maxRow).(func(acc, row []T)); ok {
		return f
	}
	return func(acc, row []T) {
		row = row[:len(acc)]
		for i, v := range row {
			acc[i] = max(acc[i], v)
		}
	}
}

// ReduceMin finds the smallest element over the reduced axes; a NaN makes the result NaN. Of nothing it is +∞, or the
// greatest number of an integer type.
func ReduceMin[T Real](p *Pool, dst, src []T, axes []ReduceAxis) {
	(&reduction[T, T]{
		init: Greatest[T](),
		run: func(acc T, run []T) T {
			for _, v := range run {
				acc = min(acc, v)
			}
			return acc
		},
		row: func(acc, row []T) {
			row = row[:len(acc)]
			for i, v := range row {
				acc[i] = min(acc[i], v)
			}
		},
		done: func(acc T, _ int) T { return acc },
	}).do(p, dst, src, axes)
}

// Least is −∞ for floats, and the least number of an integer type.
func Least[T Real]() T {
	one, two := T(1), T(2)
	switch {
	case one/two != 0:
		return T(math.Inf(-1))
	case one-two > 0: // unsigned
		return 0
	}
	return T(int64(-1) << (8*unsafe.Sizeof(one) - 1))
}

// Greatest is +∞ for floats, and the greatest number of an integer type.
func Greatest[T Real]() T {
	one, two := T(1), T(2)
	switch {
	case one/two != 0:
		return T(math.Inf(1))
	case one-two > 0:
		return one - two
	}
	return T(uint64(1)<<(8*unsafe.Sizeof(one)-1) - 1)
}

// ReduceRef is the oracle of the reductions: every element of an array of the given shape is folded, in order, into the
// result that it belongs to, in float64.
func ReduceRef[T Real](src []T, shape []int, reduced []bool, init float64, fold func(acc, v float64) float64) []float64 {
	size := 1
	for k, n := range shape {
		if !reduced[k] {
			size *= n
		}
	}
	dst := make([]float64, size)
	for o := range dst {
		dst[o] = init
	}
	for i, v := range src {
		o, stride := 0, 1
		for k := len(shape) - 1; k >= 0; k-- {
			if !reduced[k] {
				o += i % shape[k] * stride
				stride *= shape[k]
			}
			i /= shape[k]
		}
		dst[o] = fold(dst[o], float64(v))
	}
	return dst
}
