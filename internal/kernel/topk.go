package kernel

import "slices"

// TopK finds the k largest (or smallest) elements along the middle one of three axes (outer × n × inner), the most
// extreme first and equals in the order of the source, and where along the axis they stand. NaN counts as greater than
// any number (as NumPy sorts). k is at most n; values and index have outer × k × inner elements.
func TopK[T Real](p *Pool, values []T, index []int64, src []T, outer, n, inner, k int, largest bool) {
	if k == 0 {
		return
	}
	p.For(outer*inner, rowGrain(n), func(_, lo, hi int) {
		order := make([]int, n)
		for line := lo; line < hi; line++ {
			o, i := line/inner, line%inner
			at := func(j int) T { return src[(o*n+j)*inner+i] }
			for j := range order {
				order[j] = j
			}
			slices.SortFunc(order, func(a, b int) int { // never 0 for a ≠ b, so any sort gives one order
				va, vb := at(a), at(b)
				switch {
				case precedes(va, vb, largest):
					return -1
				case precedes(vb, va, largest):
					return 1
				}
				return a - b
			})
			for j, from := range order[:k] {
				to := (o*k+j)*inner + i
				values[to], index[to] = at(from), int64(from)
			}
		}
	})
}

// precedes orders two elements: the larger (or smaller) first, NaN above all numbers.
func precedes[T Real](a, b T, largest bool) bool {
	if largest {
		a, b = b, a
	}
	return a < b || b != b && a == a
}
