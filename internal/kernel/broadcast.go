package kernel

// Broadcast walks tensors that NumPy's broadcasting rule combines: the result has a shape, and each operand has the
// same trailing dimensions or 1 in their place.
type Broadcast struct {
	shape   []int   // of the result, neighbouring dimensions merged where every operand allows it
	strides [][]int // by operand and dimension, 0 where the operand repeats
}

// rowLen is how many elements a row function gets at most, so that a repeated element can be spread in a small buffer.
const rowLen = 1024

// NewBroadcast prepares a walk over a result of shape out with operands of the given shapes, which must broadcast to it.
func NewBroadcast(out []int, operands ...[]int) *Broadcast {
	b := &Broadcast{shape: []int{1}, strides: make([][]int, len(operands))}
	step := make([]int, len(operands)) // elements of the operand behind the present dimension
	for i := range operands {
		step[i] = 1
		b.strides[i] = []int{0}
	}
	for d := 1; d <= len(out); d++ { // from the last dimension; b is built back to front
		n := out[len(out)-d]
		stride := make([]int, len(operands))
		for i, shape := range operands {
			if d <= len(shape) && shape[len(shape)-d] != 1 {
				stride[i] = step[i]
				step[i] *= n
			}
		}
		if n == 1 {
			continue
		}
		last := len(b.shape) - 1
		merge := true
		for i := range operands {
			merge = merge && stride[i] == b.strides[i][last]*b.shape[last]
		}
		switch {
		case b.shape[last] == 1: // nothing there yet
			b.shape[last] = n
			for i := range operands {
				b.strides[i][last] = stride[i]
			}
		case merge:
			b.shape[last] *= n
		default:
			b.shape = append(b.shape, n)
			for i := range operands {
				b.strides[i] = append(b.strides[i], stride[i])
			}
		}
	}
	return b
}

// each calls row for runs of at most rowLen elements along the innermost dimension: the result's elements from at to
// at+n−1 take those of operand i from offsets[i] on, with steps[i] (0 or 1) between neighbours.
func (b *Broadcast) each(p *Pool, row func(at, n int, offsets, steps []int)) {
	inner := b.shape[0]
	outer := 1
	for _, n := range b.shape[1:] {
		outer *= n
	}
	steps := make([]int, len(b.strides))
	for i := range steps {
		steps[i] = b.strides[i][0]
	}
	pieces := (inner + rowLen - 1) / rowLen
	p.For(outer*pieces, max(1, 16*rowLen/max(min(inner, rowLen), 1)), func(_, lo, hi int) {
		offsets := make([]int, len(b.strides))
		for k := lo; k < hi; k++ {
			from := k % pieces * rowLen
			for i := range offsets {
				offsets[i] = from * steps[i]
			}
			rest := k / pieces
			for d := 1; d < len(b.shape); d++ {
				at := rest % b.shape[d]
				rest /= b.shape[d]
				for i := range offsets {
					offsets[i] += at * b.strides[i][d]
				}
			}
			row(k/pieces*inner+from, min(rowLen, inner-from), offsets, steps)
		}
	})
}

// Binary computes dst[i] = f(x[…], y[…]) over a Broadcast of two operands. f gets rows of equal length. dst may be x or
// y where that has the result's shape.
func Binary[T, R any](p *Pool, b *Broadcast, dst []R, x, y []T, f func(dst []R, x, y []T)) {
	b.each(p, func(at, n int, offsets, steps []int) {
		var bx, by [rowLen]T
		f(dst[at:at+n], spread(&bx, x, offsets[0], n, steps[0]), spread(&by, y, offsets[1], n, steps[1]))
	})
}

// Select computes dst[i] = x[…] where cond[…], else y[…], over a Broadcast of three operands.
func Select[T any](p *Pool, b *Broadcast, dst []T, cond []bool, x, y []T) {
	b.each(p, func(at, n int, offsets, steps []int) {
		for i := range n {
			if cond[offsets[0]+i*steps[0]] {
				dst[at+i] = x[offsets[1]+i*steps[1]]
			} else {
				dst[at+i] = y[offsets[2]+i*steps[2]]
			}
		}
	})
}

// spread gives n elements of s from an offset on: a view of s, or one element repeated in the buffer.
func spread[T any](buffer *[rowLen]T, s []T, offset, n, step int) []T {
	if step == 1 {
		return s[offset : offset+n]
	}
	row := buffer[:n]
	for i := range row {
		row[i] = s[offset]
	}
	return row
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
