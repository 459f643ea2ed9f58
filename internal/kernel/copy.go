package kernel

// Fill sets every element of dst to v.
func Fill[T any](p *Pool, dst []T, v T) {
	p.For(len(dst), moveGrain, func(_, lo, hi int) { fillRun(dst[lo:hi], v) })
}

// fillRun doubles what is filled, so that memmove does the work.
func fillRun[T any](dst []T, v T) {
	if len(dst) < 16 {
		for i := range dst {
			dst[i] = v
		}
		return
	}
	dst[0] = v
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// Copy copies src to dst, which has as many elements.
func Copy[T any](p *Pool, dst, src []T) {
	p.For(len(dst), moveGrain, func(_, lo, hi int) { copy(dst[lo:hi], src[lo:hi]) })
}

// CopyRows copies the rows of src, width elements each, to rows of dst that begin at and then stride elements apart:
// one input of a concatenation.
func CopyRows[T any](p *Pool, dst, src []T, width, at, stride int) {
	if width == stride {
		Copy(p, dst[at:][:len(src)], src)
		return
	}
	p.For(len(src), moveGrain, func(_, lo, hi int) {
		row, x := lo/width, lo%width
		for lo < hi {
			n := min(width-x, hi-lo)
			stridedRun(dst[at+row*stride+x:][:n], src, lo, 1)
			lo, row, x = lo+n, row+1, 0
		}
	})
}

// Range fills dst with start + i·delta. The conversion of the product keeps it from being fused with the sum, which
// would round differently from one processor to the next.
func Range[T int16 | int32 | int64 | float32 | float64](p *Pool, dst []T, start, delta T) {
	p.For(len(dst), moveGrain, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			dst[i] = start + T(T(i)*delta)
		}
	})
}
