package kernel

import "math"

// moments finds mean and population variance of x in two passes of float64 sums.
func moments[T Floating](x []T) (mean, variance float64) {
	mean = sumIn64(0, x) / float64(len(x))
	return mean, squaresAround(0, mean, x) / float64(len(x))
}

// InstanceNorm standardises each of n × channels planes by its own mean and variance, and applies the channel's scale
// and bias.
func InstanceNorm[T Floating](p *Pool, dst, src []T, n, channels, size int, scale, bias []T, epsilon float64) {
	p.For(n*channels, rowGrain(4*size), func(_, lo, hi int) {
		for plane := lo; plane < hi; plane++ {
			x, c := src[plane*size:][:size], plane%channels
			m, v := moments(x)
			standardise(dst[plane*size:][:size], x, m, float64(scale[c])/math.Sqrt(v+epsilon), float64(bias[c]))
		}
	})
}

// LayerNorm standardises each row of the given length by its own mean and variance, then multiplies by scale and adds
// bias element by element; both have one value for each element of a row, or for each of all rows, and bias may be nil.
// mean and inverse take the rows' means and 1/√(variance + epsilon), if they are not nil.
func LayerNorm[T Floating](p *Pool, dst, src []T, rows, length int, scale, bias []T, mean, inverse []float64, epsilon float64) {
	p.For(rows, rowGrain(4*length), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			x, y := src[r*length:][:length], dst[r*length:][:length]
			m, v := moments(x)
			f := 1 / math.Sqrt(v+epsilon)
			if mean != nil {
				mean[r] = m
			}
			if inverse != nil {
				inverse[r] = f
			}
			if length == 0 {
				continue
			}
			at := r * length
			s := scale[at%len(scale):][:length]
			if bias == nil {
				for i, v := range x {
					y[i] = T((float64(v) - m) * f * float64(s[i]))
				}
				continue
			}
			b := bias[at%len(bias):][:length]
			for i, v := range x {
				y[i] = T((float64(v)-m)*f*float64(s[i]) + float64(b[i]))
			}
		}
	})
}
