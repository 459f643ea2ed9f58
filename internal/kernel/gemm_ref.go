package kernel

// Number lists the element types of the products without a tuned kernel.
type Number interface {
	float32 | float64 | int32 | int64 | uint32 | uint64
}

// GemmRef computes dst = A·B for each pair of matrices in a and b, as Gemm does: one sum per element, in the order of
// k, in T's own arithmetic. It is Gemm's oracle, and serves the element types that Gemm does not.
func GemmRef[T Number](dst []T, m, n, k int, a, b Operand[T]) {
	for p := range a.Offsets {
		for i := range m {
			gemmRow(dst[(p*m+i)*n:][:n], k, a, b, p, i)
		}
	}
}

// GemmGeneric is GemmRef with its rows shared out over the pool.
func GemmGeneric[T Number](pool *Pool, dst []T, m, n, k int, a, b Operand[T]) {
	pool.For(len(a.Offsets)*m, 1, func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			gemmRow(dst[r*n:][:n], k, a, b, r/m, r%m)
		}
	})
}

// gemmRow computes row i of product p.
func gemmRow[T Number](dst []T, k int, a, b Operand[T], p, i int) {
	clear(dst)
	for l := range k {
		x := a.Data[a.Offsets[p]+i*a.RowStride+l*a.ColStride]
		row := b.Offsets[p] + l*b.RowStride
		for j := range dst {
			dst[j] += x * b.Data[row+j*b.ColStride]
		}
	}
}

// GemmIntegerRef is the oracle of GemmInteger.
func GemmIntegerRef[A, B int8 | uint8](dst []int32, m, n, k int, a Operand[A], b Operand[B], za, zb ZeroPoints) {
	for p := range a.Offsets {
		for i := range m {
			for j := range n {
				var sum int32
				for l := range k {
					x := int32(a.Data[a.Offsets[p]+i*a.RowStride+l*a.ColStride]) - int32(za.at(p, i))
					y := int32(b.Data[b.Offsets[p]+l*b.RowStride+j*b.ColStride]) - int32(zb.at(p, j))
					sum += x * y
				}
				dst[(p*m+i)*n+j] = sum
			}
		}
	}
}
