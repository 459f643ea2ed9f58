package kernel

// Real lists the element types that the plain kernels of this package compute with.
type Real interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// MaxPoolRef is MaxPool for any element type, window by window, and its oracle. least is what a window that touches nothing gives. If
// index is not nil it takes where each largest value stands in the whole source (the first of equals, in the order of
// the window's taps), or −1; columnMajor counts within a plane with the first axis running fastest.
func MaxPoolRef[T Real](p *Pool, dst, src []T, index []int64, s *PoolShape, least T, columnMajor bool) {
	d, h, w := &s.Axes[0], &s.Axes[1], &s.Axes[2]
	stride := [3]int{h.In * w.In, w.In, 1}
	if columnMajor {
		// An axis that the image lacks has length 1, so the formula for volumes holds for all.
		stride = [3]int{1, d.In, d.In * h.In}
	}
	rows := d.Out * h.Out
	p.For(s.Planes*rows, rowGrain(w.Out*d.Kernel*h.Kernel), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			plane, od, oh := r/rows, r%rows/h.Out, r%h.Out
			dStart, d0, d1 := d.taps(od)
			hStart, h0, h1 := h.taps(oh)
			base := plane * s.Source()
			for ow := range w.Out {
				wStart, w0, w1 := w.taps(ow)
				best, at := least, -1
				for kd := d0; kd < d1; kd++ {
					z := dStart + kd*d.Dilation
					for kh := h0; kh < h1; kh++ {
						y := hStart + kh*h.Dilation
						for kw := w0; kw < w1; kw++ {
							x := wStart + kw*w.Dilation
							if v := src[base+(z*h.In+y)*w.In+x]; at < 0 || v > best || v != v && best == best {
								best, at = v, base+z*stride[0]+y*stride[1]+x*stride[2]
							}
						}
					}
				}
				dst[r*w.Out+ow] = best
				if index != nil {
					index[r*w.Out+ow] = int64(at)
				}
			}
		}
	})
}

// AveragePoolRef is AveragePool window by window with sums in float64: its oracle, and the kernel for float64.
func AveragePoolRef[T ~float32 | ~float64](p *Pool, dst, src []T, s *PoolShape, includePad bool) {
	d, h, w := &s.Axes[0], &s.Axes[1], &s.Axes[2]
	rows := d.Out * h.Out
	p.For(s.Planes*rows, rowGrain(w.Out*d.Kernel*h.Kernel), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			plane, od, oh := r/rows, r%rows/h.Out, r%h.Out
			dStart, d0, d1 := d.taps(od)
			hStart, h0, h1 := h.taps(oh)
			base := plane * s.Source()
			for ow := range w.Out {
				wStart, w0, w1 := w.taps(ow)
				sum, n := 0.0, 0
				for kd := d0; kd < d1; kd++ {
					for kh := h0; kh < h1; kh++ {
						row := base + ((dStart+kd*d.Dilation)*h.In+hStart+kh*h.Dilation)*w.In
						for kw := w0; kw < w1; kw++ {
							sum += float64(src[row+wStart+kw*w.Dilation])
							n++
						}
					}
				}
				switch {
				case n == 0:
					dst[r*w.Out+ow] = 0
				case includePad:
					dst[r*w.Out+ow] = T(sum / float64(d.padded(od)*h.padded(oh)*w.padded(ow)))
				default:
					dst[r*w.Out+ow] = T(sum / float64(n))
				}
			}
		}
	})
}
