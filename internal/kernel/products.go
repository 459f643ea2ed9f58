package kernel

// Matrix is a matrix in a slice: element (i, j) is Data[i*Row+j*Col]. Swapping Row and Col transposes it.
type Matrix[T any] struct {
	Data     []T
	Row, Col int
}

// Products multiplies matrices in one thread. It is the scratch memory of one worker, kept between calls; the zero value
// is ready for use.
type Products[T Float] struct {
}

// Multiply computes dst[i*ld+j] = Σ_l a(i,l)·b(l,j) for a of m×k and b of k×n, or adds that to dst. Each element is one
// sum over l in rising order. dst must not overlap a or b.
func (p *Products[T]) Multiply(dst []T, ld, m, n, k int, a, b Matrix[T], add bool) {
	multiplyGo(dst, ld, m, n, k, a, b, add)
}

func multiplyGo[T Float](dst []T, ld, m, n, k int, a, b Matrix[T], add bool) {
	for i := range m {
		row := dst[i*ld:][:n]
		if !add {
			clear(row)
		}
		for l := range k {
			x := a.Data[i*a.Row+l*a.Col]
			at := l * b.Row
			for j := range row {
				row[j] += x * b.Data[at]
				at += b.Col
			}
		}
	}
}
