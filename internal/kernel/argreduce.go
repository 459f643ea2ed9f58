package kernel

// ArgExtreme finds where along the middle one of three axes (outer × n × inner) the largest element lies, or the
// smallest; among equals the first, or the last. NaN counts as more extreme than any number (as in NumPy). n must not
// be 0. dst has outer × inner elements.
func ArgExtreme[T Real](p *Pool, dst []int64, src []T, outer, n, inner int, largest, last bool) {
	if inner == 1 {
		p.For(outer, rowGrain(n), func(_, lo, hi int) {
			for o := lo; o < hi; o++ {
				row := src[o*n:][:n]
				best, at := row[0], 0
				for k, v := range row[1:] {
					if beats(v, best, largest, last) {
						best, at = v, k+1
					}
				}
				dst[o] = int64(at)
			}
		})
		return
	}
	blocks := (inner + columnBlock - 1) / columnBlock
	p.For(outer*blocks, rowGrain(min(inner, columnBlock)*n), func(_, lo, hi int) {
		var best [columnBlock]T
		single, _ := any(best[:]).([]float32)
		for b := lo; b < hi; b++ {
			o, x := b/blocks, b%blocks*columnBlock
			width := min(columnBlock, inner-x)
			at := dst[o*inner+x:][:width]
			clear(at)
			copy(best[:width], src[o*n*inner+x:])
			for k := 1; k < n; k++ {
				row := src[(o*n+k)*inner+x:][:width]
				if r, ok := any(row).([]float32); ok && largest && !last {
					argMaxRow(at, single, r, int64(k))
					continue
				}
				for j, v := range row {
					if beats(v, best[j], largest, last) {
						best[j], at[j] = v, int64(k)
					}
				}
			}
		}
	})
}

// beats says whether v, which comes after best, takes its place.
func beats[T Real](v, best T, largest, last bool) bool {
	switch {
	case best != best:
		return last && v != v
	case v != v:
		return true
	case v == best:
		return last
	}
	return v > best == largest
}

// ArgExtremeRef is the oracle of ArgExtreme: each line on its own, asking of every element whether any other beats it.
func ArgExtremeRef[T Real](dst []int64, src []T, outer, n, inner int, largest, last bool) {
	for line := range outer * inner {
		at := func(k int) T { return src[(line/inner*n+k)*inner+line%inner] }
		more := func(a, b T) bool { return a != a && b == b || b == b && (a > b) == largest && a != b }
		for k := range n {
			beaten := false
			for j := range n {
				beaten = beaten || more(at(j), at(k))
				if !more(at(k), at(j)) && (j < k && !last || j > k && last) {
					beaten = true // an equal one stands in the better place
				}
			}
			if !beaten {
				dst[line] = int64(k)
			}
		}
	}
}
