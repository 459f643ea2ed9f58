package kernel

// CheckIndices finds the first index outside [-n, n), which is what an axis of n elements allows; ok is false if there
// is one.
func CheckIndices[I int32 | int64](indices []I, n int) (at int, ok bool) {
	for k, v := range indices {
		if int64(v) < -int64(n) || int64(v) >= int64(n) {
			return k, false
		}
	}
	return 0, true
}

// Gather takes, along the middle one of three axes (outer × n × inner), the runs of inner elements that the indices
// name, which may count from the end: dst is outer × len(indices) × inner. The indices must have passed CheckIndices.
func Gather[T any, I int32 | int64](p *Pool, dst, src []T, indices []I, outer, n, inner int) {
	if len(dst) == 0 {
		return
	}
	rows := len(indices)
	p.For(len(dst), moveGrain, func(_, lo, hi int) {
		row, x := lo/inner, lo%inner
		o, k := row/rows, row%rows
		for lo < hi {
			from := int(indices[k])
			if from < 0 {
				from += n
			}
			length := min(inner-x, hi-lo)
			stridedRun(dst[lo:][:length], src, (o*n+from)*inner+x, 1)
			lo, x = lo+length, 0
			if k++; k == rows {
				o, k = o+1, 0
			}
		}
	})
}
