package kernel

import "fmt"

// Broadcast walks tensors that NumPy's broadcasting rule combines: the result has a shape, and each operand has the
// same trailing dimensions or 1 in their place. Neighbouring dimensions are merged where every operand allows it, so
// that equal shapes are one run and a bias per channel, [C,1,1], is one run a plane.
type Broadcast struct {
	shape   []int   // of the result, innermost dimension first
	strides [][]int // by operand and dimension, 0 where the operand repeats
}

// rowLen is how many elements a row function gets at most, and spreadLen if an operand repeats within the row: its
// element is spread over a buffer that is to stay in the cache.
const (
	rowLen    = 1 << 14
	spreadLen = 1 << 10
)

// NewBroadcast prepares a walk over a result of shape out with operands of the given shapes. It is an error if one of
// them does not broadcast to out.
func NewBroadcast(out []int, operands ...[]int) (*Broadcast, error) {
	b := &Broadcast{shape: []int{1}, strides: make([][]int, len(operands))}
	step := make([]int, len(operands)) // elements of the operand behind the present dimension
	stride := make([]int, len(operands))
	for i, shape := range operands {
		if err := broadcasts(shape, out); err != nil {
			return nil, fmt.Errorf("operand %d: %w", i, err)
		}
		step[i] = 1
		b.strides[i] = []int{0}
	}
	for d := 1; d <= len(out); d++ {
		n := out[len(out)-d]
		for i, shape := range operands {
			stride[i] = 0
			if d <= len(shape) && shape[len(shape)-d] != 1 {
				stride[i] = step[i]
				step[i] *= n
			}
		}
		if n != 1 {
			b.add(n, stride)
		}
	}
	return b, nil
}

func broadcasts(shape, out []int) error {
	ok := len(shape) <= len(out)
	for d := 1; ok && d <= len(shape); d++ {
		n := shape[len(shape)-d]
		ok = n == 1 || n == out[len(out)-d]
	}
	if !ok {
		return fmt.Errorf("shape %v does not broadcast to %v", shape, out)
	}
	return nil
}

// add puts a dimension outside those that are there, or makes the outermost one longer.
func (b *Broadcast) add(n int, stride []int) {
	last := len(b.shape) - 1
	merge := true
	for i, s := range stride {
		merge = merge && s == b.strides[i][last]*b.shape[last]
	}
	switch {
	case b.shape[last] == 1: // nothing there yet
		b.shape[last] = n
		for i, s := range stride {
			b.strides[i][last] = s
		}
	case merge:
		b.shape[last] *= n
	default:
		b.shape = append(b.shape, n)
		for i, s := range stride {
			b.strides[i] = append(b.strides[i], s)
		}
	}
}

// row is a run of the result along its innermost dimension: elements at to at+n−1, which take those of operand i from
// offset[i] on.
type row struct {
	at, n  int
	offset []int
}

// steps says for each operand how far apart neighbours of a row lie: 1 or 0.
func (b *Broadcast) steps() []int {
	steps := make([]int, len(b.strides))
	for i := range steps {
		steps[i] = b.strides[i][0]
	}
	return steps
}

// each calls f for every row, of at most longest elements, on the threads of p.
func (b *Broadcast) each(p *Pool, longest int, f func(worker int, r row)) {
	inner := b.shape[0]
	outer := 1
	for _, n := range b.shape[1:] {
		outer *= n
	}
	if inner == 0 || outer == 0 {
		return
	}
	pieces := (inner + longest - 1) / longest
	p.For(outer*pieces, max(1, rowLen/min(inner, longest)), func(worker, lo, hi int) {
		r := row{offset: make([]int, len(b.strides))}
		index := make([]int, len(b.shape)) // index[0] counts pieces
		rest := lo / pieces
		index[0] = lo % pieces
		for d := 1; d < len(index); d++ {
			index[d] = rest % b.shape[d]
			rest /= b.shape[d]
		}
		for k := lo; k < hi; k++ {
			from := index[0] * longest
			r.at, r.n = k/pieces*inner+from, min(longest, inner-from)
			for i, strides := range b.strides {
				r.offset[i] = from * strides[0]
				for d := 1; d < len(index); d++ {
					r.offset[i] += index[d] * strides[d]
				}
			}
			f(worker, r)
			index[0]++
			for d := 0; d < len(index) && index[d] == b.limit(d, pieces); d++ {
				index[d] = 0
				if d+1 < len(index) {
					index[d+1]++
				}
			}
		}
	})
}

func (b *Broadcast) limit(d, pieces int) int {
	if d == 0 {
		return pieces
	}
	return b.shape[d]
}

// spread is one worker's buffer for an operand that repeats within its rows.
type spread[T any] struct {
	buffer []T
	from   int // the element that fills the buffer so far, and how much of it
	filled int
}

// row gives n elements of s from an offset on: a view of s, or one element n times.
func (b *spread[T]) row(s []T, offset, n, step int) []T {
	if step == 1 {
		return s[offset : offset+n]
	}
	if b.buffer == nil {
		b.buffer = make([]T, spreadLen)
	}
	if b.from != offset || b.filled < n {
		b.from, b.filled = offset, n
		fillRun(b.buffer[:n], s[offset])
	}
	return b.buffer[:n]
}

// longest is how long rows may be.
func longest(steps []int) int {
	for _, s := range steps {
		if s == 0 {
			return spreadLen
		}
	}
	return rowLen
}

// Binary computes dst[i] = f(x[…], y[…]) over a Broadcast of two operands. f gets rows of equal length. dst may be x or
// y where that has the result's shape.
func Binary[T, R any](p *Pool, b *Broadcast, dst []R, x, y []T, f func(dst []R, x, y []T)) {
	steps := b.steps()
	buffers := make([][2]spread[T], p.Threads())
	b.each(p, longest(steps), func(worker int, r row) {
		buffer := &buffers[worker]
		f(dst[r.at:r.at+r.n], buffer[0].row(x, r.offset[0], r.n, steps[0]), buffer[1].row(y, r.offset[1], r.n, steps[1]))
	})
}

// Select computes dst[i] = x[…] where cond[…], else y[…], over a Broadcast of the three operands cond, x and y.
func Select[T any](p *Pool, b *Broadcast, dst []T, cond []bool, x, y []T) {
	steps := b.steps()
	conds := make([]spread[bool], p.Threads())
	buffers := make([][2]spread[T], p.Threads())
	b.each(p, longest(steps), func(worker int, r row) {
		buffer := &buffers[worker]
		dst := dst[r.at : r.at+r.n]
		cond := conds[worker].row(cond, r.offset[0], r.n, steps[0])
		x := buffer[0].row(x, r.offset[1], r.n, steps[1])
		y := buffer[1].row(y, r.offset[2], r.n, steps[2])
		for i := range dst {
			if cond[i] {
				dst[i] = x[i]
			} else {
				dst[i] = y[i]
			}
		}
	})
}

// BinaryRef is Binary element by element, from the index of each dimension, and its oracle.
func BinaryRef[T, R any](dst []R, x, y []T, out, xs, ys []int, f func(x, y T) R) {
	index := make([]int, len(out))
	for i := range dst {
		rest := i
		for d := len(out) - 1; d >= 0; d-- {
			index[d] = rest % out[d]
			rest /= out[d]
		}
		dst[i] = f(x[broadcastIndex(index, xs)], y[broadcastIndex(index, ys)])
	}
}

func broadcastIndex(index, shape []int) int {
	at := 0
	for d, n := range shape {
		k := index[len(index)-len(shape)+d]
		if n == 1 {
			k = 0
		}
		at = at*n + k
	}
	return at
}
