package kernel

// Float lists the element types of the plain convolutions.
type Float interface{ float32 | float64 }

// ConvRef computes a convolution by its definition,
//
//	dst[n, m, o…] = bias[m] + Σ_{c, k…} src[n, g·In/Groups+c, o·stride + k·dilation − pad …] · weights[m, c, k…]
//
// with zeros outside src, g = m div (Out/Groups), and sums in float64. It is the oracle of Conv, and serves float64.
// bias may be empty. Sizes are the caller's to check.
func ConvRef[T Float](dst, src, weights, bias []T, p ConvParams, s ConvShape) {
	for i := range s.Batch * p.Out {
		convPlane(dst, src, weights, bias, &p, &s, i/p.Out, i%p.Out)
	}
}

// ConvGeneric is ConvRef with its output planes shared out over the pool.
func ConvGeneric[T Float](pool *Pool, dst, src, weights, bias []T, p ConvParams, s ConvShape) {
	pool.For(s.Batch*p.Out, 1, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			convPlane(dst, src, weights, bias, &p, &s, i/p.Out, i%p.Out)
		}
	})
}

func convPlane[T Float](dst, src, weights, bias []T, p *ConvParams, s *ConvShape, image, channel int) {
	in, taps, plane, outPlane := p.In/p.Groups, p.Taps(), product(s.In), product(s.Out)
	group := channel / (p.Out / p.Groups)
	src = src[(image*p.In+group*in)*plane:][:in*plane]
	dst = dst[(image*p.Out+channel)*outPlane:][:outPlane]
	weights = weights[channel*in*taps:][:in*taps]
	for o := range dst {
		var sum float64
		for tap := range taps {
			at := s.inputAt(p, o, tap)
			if at < 0 {
				continue
			}
			for c := range in {
				sum += float64(src[c*plane+at]) * float64(weights[c*taps+tap])
			}
		}
		if len(bias) > 0 {
			sum += float64(bias[channel])
		}
		dst[o] = T(sum)
	}
}

// inputAt gives the offset in its channel of the input element under a tap at an output element, or −1 outside.
func (s *ConvShape) inputAt(p *ConvParams, out, tap int) int {
	at, stride := 0, 1
	for axis := len(s.In) - 1; axis >= 0; axis-- {
		i := out%s.Out[axis]*p.Strides[axis] + tap%p.Kernel[axis]*p.Dilations[axis] - s.Pad[axis]
		out, tap = out/s.Out[axis], tap/p.Kernel[axis]
		if i < 0 || i >= s.In[axis] {
			return -1
		}
		at += i * stride
		stride *= s.In[axis]
	}
	return at
}

// ConvTransposeRef computes a transposed convolution by its definition: every input element, times every weight that
// leads from its channel, is added to the output o = i·stride + k·dilation − pad, if there is one; then bias. Weights
// are [In, Out/Groups, Kernel…]. Sums are in float64. It is the oracle of ConvTranspose.
func ConvTransposeRef[T Float](dst, src, weights, bias []T, p ConvParams, s ConvShape) {
	for i := range s.Batch * p.Out {
		convTransposePlane(dst, src, weights, bias, &p, &s, i/p.Out, i%p.Out)
	}
}

// ConvTransposeGeneric is ConvTransposeRef with its output planes shared out over the pool.
func ConvTransposeGeneric[T Float](pool *Pool, dst, src, weights, bias []T, p ConvParams, s ConvShape) {
	pool.For(s.Batch*p.Out, 1, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			convTransposePlane(dst, src, weights, bias, &p, &s, i/p.Out, i%p.Out)
		}
	})
}

func convTransposePlane[T Float](dst, src, weights, bias []T, p *ConvParams, s *ConvShape, image, channel int) {
	in, out, taps, plane, outPlane := p.In/p.Groups, p.Out/p.Groups, p.Taps(), product(s.In), product(s.Out)
	group := channel / out
	sums := make([]float64, outPlane)
	for c := range in {
		from := src[(image*p.In+group*in+c)*plane:][:plane]
		w := weights[((group*in+c)*out+channel%out)*taps:][:taps]
		for i, x := range from {
			for tap, v := range w {
				if at := s.outputAt(p, i, tap); at >= 0 {
					sums[at] += float64(x) * float64(v)
				}
			}
		}
	}
	dst = dst[(image*p.Out+channel)*outPlane:][:outPlane]
	for o, sum := range sums {
		if len(bias) > 0 {
			sum += float64(bias[channel])
		}
		dst[o] = T(sum)
	}
}

// outputAt gives the offset in its channel of the output element that an input element reaches by a tap, or −1.
func (s *ConvShape) outputAt(p *ConvParams, in, tap int) int {
	at, stride := 0, 1
	for axis := len(s.In) - 1; axis >= 0; axis-- {
		o := in%s.In[axis]*p.Strides[axis] + tap%p.Kernel[axis]*p.Dilations[axis] - s.Pad[axis]
		in, tap = in/s.In[axis], tap/p.Kernel[axis]
		if o < 0 || o >= s.Out[axis] {
			return -1
		}
		at += o * stride
		stride *= s.Out[axis]
	}
	return at
}
