package kernel

import "math"

// Softmax normalises along the middle one of three axes (outer × n × inner): exp(x − max) divided by the sum of those,
// or, if log, x − max − log(sum). A NaN or a +∞ makes its whole line NaN, as does a line of nothing but −∞.
func Softmax(p *Pool, dst, src []float32, outer, n, inner int, log bool) {
	if n == 0 || inner == 0 {
		return
	}
	if inner == 1 {
		p.For(outer, rowGrain(8*n), func(_, lo, hi int) {
			for o := lo; o < hi; o++ {
				softmaxLine(dst[o*n:][:n], src[o*n:][:n], log)
			}
		})
		return
	}
	blocks := (inner + columnBlock - 1) / columnBlock
	p.For(outer*blocks, rowGrain(8*n*min(inner, columnBlock)), func(_, lo, hi int) {
		for b := lo; b < hi; b++ {
			o, x := b/blocks, b%blocks*columnBlock
			softmaxColumns(dst[o*n*inner+x:], src[o*n*inner+x:], n, inner, min(columnBlock, inner-x), log)
		}
	})
}

func softmaxLine(dst, src []float32, log bool) {
	top := src[0]
	for _, v := range src[1:] {
		top = max(top, v)
	}
	var sum float64
	if log {
		for _, v := range src {
			sum += exp64(float64(v - top))
		}
		shift := math.Log(sum)
		for i, v := range src {
			dst[i] = float32(float64(v-top) - shift)
		}
		return
	}
	for i, v := range src {
		e := exp64(float64(v - top))
		dst[i] = float32(e)
		sum += e
	}
	for i, e := range dst {
		dst[i] = float32(float64(e) / sum)
	}
}

// softmaxColumns does width neighbouring lines at once, whose elements are stride apart.
func softmaxColumns(dst, src []float32, n, stride, width int, log bool) {
	var top [columnBlock]float32
	var sum [columnBlock]float64
	copy(top[:width], src)
	for k := 1; k < n; k++ {
		for j, v := range src[k*stride:][:width] {
			top[j] = max(top[j], v)
		}
	}
	for k := range n {
		to := dst[k*stride:][:width]
		for j, v := range src[k*stride:][:width] {
			e := exp64(float64(v - top[j]))
			to[j] = float32(e)
			sum[j] += e
		}
	}
	if log {
		for j := range width {
			sum[j] = math.Log(sum[j])
		}
	}
	for k := range n {
		to, from := dst[k*stride:][:width], src[k*stride:][:width]
		if log {
			for j, v := range from {
				to[j] = float32(float64(v-top[j]) - sum[j])
			}
			continue
		}
		for j, e := range to {
			to[j] = float32(float64(e) / sum[j])
		}
	}
}

// The constants of exp64: log2(e), and ln 2 in a part that is short enough for k·ln2High to be exact, and the rest.
const (
	log2E   = 1.44269504088896338700e+00
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

// exp64 is eˣ for x ≤ 0, to about 1e-10 of its value: enough to be rounded to float32, at a third of math.Exp's cost.
// It is 0 below −700, and NaN for a NaN.
func exp64(x float64) float64 {
	if !(x >= -700) {
		if x != x {
			return x
		}
		return 0
	}
	k := math.Floor(x*log2E + 0.5)
	r := x - k*ln2High - k*ln2Low // |r| ≤ ln2/2
	// The Taylor polynomial of degree 8 leaves |r|⁹/9! < 2e-10. Its terms are grouped so that few wait for one another.
	r2 := r * r
	r4 := r2 * r2
	low := (1 + r) + r2*(1.0/2+r*(1.0/6))
	high := (1.0/24 + r*(1.0/120)) + r2*(1.0/720+r*(1.0/5040)) + r4*(1.0/40320)
	e := low + r4*high
	return e * math.Float64frombits(uint64(1023+int(k))<<52)
}

// SoftmaxRef is Softmax for any float type, line by line with math.Exp, and its oracle.
func SoftmaxRef[T ~float32 | ~float64](dst, src []T, outer, n, inner int, log bool) {
	for line := range outer * inner {
		at := func(k int) int { return (line/inner*n+k)*inner + line%inner }
		top := math.Inf(-1)
		for k := range n {
			top = max(top, float64(src[at(k)]))
		}
		sum := 0.0
		for k := range n {
			sum += math.Exp(float64(src[at(k)]) - top)
		}
		for k := range n {
			v := float64(src[at(k)]) - top
			if log {
				dst[at(k)] = T(v - math.Log(sum))
			} else {
				dst[at(k)] = T(math.Exp(v) / sum)
			}
		}
	}
}
