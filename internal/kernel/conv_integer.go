package kernel

import "math"

// ConvInteger is a convolution of 8-bit integers with zero points, summed in 32-bit integers that wrap around. It is
// read-only after NewConvInteger and may run in several goroutines at once.
//
// It works on the float32 micro-kernels, exactly: see GemmInteger.
type ConvInteger struct {
	p      ConvParams
	mk     *microKernel
	groups []*packedRows
}

// NewConvInteger packs weights [Out, In/Groups, Kernel…] less their zero points: none, a single one, or one for each
// output channel, within the range of W. The error says which size is impossible.
func NewConvInteger[W int8 | uint8](p ConvParams, weights []W, zero []int32) (*ConvInteger, error) {
	return newConvIntegerFor(micro, p, weights, zero)
}

func newConvIntegerFor[W int8 | uint8](mk *microKernel, p ConvParams, weights []W, zero []int32) (*ConvInteger, error) {
	if err := p.check(len(weights), 0); err != nil {
		return nil, err
	}
	c := &ConvInteger{p: p.clone(), mk: mk}
	z := ZeroPoints{Values: zero}
	if len(zero) > 1 {
		z.Stride = 1
	}
	c.groups = packGroups(mk, &c.p, nil, func(dst []float32, channel int) {
		zero := z.at(0, channel)
		for i, v := range weights[channel*len(dst):][:len(dst)] {
			dst[i] = float32(v) - zero
		}
	})
	return c, nil
}

// Scratch is the length of the scratch memory that RunConvInteger and RunConvQuantized want.
func (c *ConvInteger) Scratch(pool *Pool, s ConvShape) int {
	return pool.Threads() * newConvTiling(c.mk, &c.p, &s, true, pool.Threads()).scratch()
}

// RunConvInteger computes dst from src less zero; the padding holds zero, so it adds nothing.
func RunConvInteger[X int8 | uint8](c *ConvInteger, pool *Pool, scratch []float32, dst []int32, src []X, zero int32, s ConvShape) error {
	if err := c.p.checkShape(&s, len(dst), len(src)); err != nil {
		return err
	}
	runConvInteger(c, pool, scratch, src, zero, &s, &intSink{dst: dst, channels: c.p.Out, groups: c.p.Groups, plane: product(s.Out)})
	return nil
}

// Requantize says how 32-bit sums become 8-bit integers: y = saturate(round((sum + Bias)·Scale) + Zero) with ties to
// even, in float32. Scale has one element or one for each output channel; Bias may be empty.
type Requantize struct {
	Scale []float32
	Bias  []int32
	Zero  int32
}

// RunConvQuantized computes dst from src less zero and brings the sums back to 8 bits.
func RunConvQuantized[X, Y int8 | uint8](c *ConvInteger, pool *Pool, scratch []float32, dst []Y, src []X, zero int32, q Requantize, s ConvShape) error {
	if err := c.p.checkShape(&s, len(dst), len(src)); err != nil {
		return err
	}
	runConvInteger(c, pool, scratch, src, zero, &s, &byteSink[Y]{dst: dst, q: q, channels: c.p.Out, groups: c.p.Groups, plane: product(s.Out)})
	return nil
}

func runConvInteger[X int8 | uint8](c *ConvInteger, pool *Pool, scratch []float32, src []X, zero int32, s *ConvShape, sink convSink) {
	r := convRun{tiling: newConvTiling(c.mk, &c.p, s, true, pool.Threads()), groups: c.groups,
		pixels: bytePixels[X]{src, float32(zero)}, sink: sink}
	r.run(pool, scratch)
}

// bytePixels is an input of 8-bit integers less a zero point.
type bytePixels[T int8 | uint8] struct {
	src  []T
	zero float32
}

func (b bytePixels[T]) load(dst []float32, ld, n, at, stride, channels, plane int) {
	for c := range channels {
		from, row := b.src[at+c*plane:][:(n-1)*stride+1], dst[c*ld:][:n]
		for i, k := 0, 0; i < len(row) && k < len(from); i, k = i+1, k+stride {
			row[i] = float32(from[k]) - b.zero
		}
	}
}

// intSink adds the blocks' sums up in the output itself.
type intSink struct {
	dst                     []int32
	channels, groups, plane int
}

func (k *intSink) blockwise() bool { return true }

func (k *intSink) take(w *convWorker, image, group, m0, rows, j0, cols int, first, _ bool) {
	for m := range rows {
		channel := group*(k.channels/k.groups) + m0 + m
		row := k.dst[(image*k.channels+channel)*k.plane+j0:][:cols]
		if first {
			clear(row)
		}
		addInts(row, w.tile[m*cols:])
	}
}

// byteSink adds the blocks' sums up in the worker and requantizes them at the end.
type byteSink[Y int8 | uint8] struct {
	dst                     []Y
	q                       Requantize
	channels, groups, plane int
}

func (k *byteSink[Y]) blockwise() bool { return true }

func (k *byteSink[Y]) take(w *convWorker, image, group, m0, rows, j0, cols int, first, last bool) {
	if n := rows * cols; first {
		w.ints = append(w.ints[:0], make([]int32, n)...)
	}
	addInts(w.ints, w.tile)
	if !last {
		return
	}
	for m := range rows {
		channel := group*(k.channels/k.groups) + m0 + m
		row := k.dst[(image*k.channels+channel)*k.plane+j0:][:cols]
		requantize(row, w.ints[m*cols:], &k.q, channel)
	}
}

// requantize writes the outputs of one channel.
func requantize[Y int8 | uint8](dst []Y, sums []int32, q *Requantize, channel int) {
	scale, bias := q.Scale[0], int32(0)
	if len(q.Scale) > 1 {
		scale = q.Scale[channel]
	}
	if len(q.Bias) > 0 {
		bias = q.Bias[channel]
	}
	lo, hi := int32(math.MinInt8), int32(math.MaxInt8)
	if ^Y(0) > 0 {
		lo, hi = 0, math.MaxUint8
	}
	low, high := float64(lo-q.Zero), float64(hi-q.Zero)
	for i := range dst {
		v := float64(float32(sums[i]+bias) * scale)
		// The bounds are integers, so clamping first changes nothing, and keeps the conversion below within range; NaN (a
		// scale of 0/0) becomes the lowest value.
		if !(v > low) {
			v = low
		} else if v > high {
			v = high
		}
		dst[i] = Y(int32(math.RoundToEven(v)) + q.Zero)
	}
}

// ConvIntegerRef is the oracle of ConvInteger: ConvRef's sum in 32-bit integers, without bias.
func ConvIntegerRef[X, W int8 | uint8](dst []int32, src []X, weights []W, xZero int32, wZero []int32, p ConvParams, s ConvShape) {
	in, taps, plane, outPlane := p.In/p.Groups, p.Taps(), product(s.In), product(s.Out)
	z := ZeroPoints{Values: wZero}
	if len(wZero) > 1 {
		z.Stride = 1
	}
	for i := range dst {
		o, channel, image := i%outPlane, i/outPlane%p.Out, i/outPlane/p.Out
		group := channel / (p.Out / p.Groups)
		var sum int32
		for tap := range taps {
			at := s.inputAt(&p, o, tap)
			if at < 0 {
				continue
			}
			for c := range in {
				x := int32(src[(image*p.In+group*in+c)*plane+at]) - xZero
				sum += x * (int32(weights[(channel*in+c)*taps+tap]) - int32(z.at(0, channel)))
			}
		}
		dst[i] = sum
	}
}
