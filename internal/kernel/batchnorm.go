package kernel

import "math"

// Floating lists the element types of the normalisations.
type Floating interface{ ~float32 | ~float64 }

// BatchNorm applies what the channels have learnt to n × channels planes of the given size:
// (x − mean) / √(variance + epsilon) · scale + bias, each of the four with one value a channel.
func BatchNorm[T Floating](p *Pool, dst, src []T, n, channels, size int, scale, bias, mean, variance []T, epsilon float64) {
	factor := make([]T, channels)
	for c := range factor {
		factor[c] = T(float64(scale[c]) / math.Sqrt(float64(variance[c])+epsilon))
	}
	pieces := (size + planePiece - 1) / planePiece
	p.For(n*channels*pieces, rowGrain(min(size, planePiece)), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			plane, from := i/pieces, i%pieces*planePiece
			c := plane % channels
			length := min(planePiece, size-from)
			x, y := src[plane*size+from:][:length], dst[plane*size+from:][:length]
			affine(y, x, mean[c], factor[c], bias[c])
		}
	})
}

// affine writes (src − mean)·factor + bias.
func affine[T Floating](dst, src []T, mean, factor, bias T) {
	if x, ok := any(src).([]float32); ok {
		affineRow(any(dst).([]float32), x, float32(mean), float32(factor), float32(bias))
		return
	}
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = T((v-mean)*factor) + bias
	}
}

// planePiece is the length of the pieces that big planes are cut into, so that few of them still keep all threads busy.
const planePiece = 1 << 14

// BatchStats finds the mean and the population variance of each channel over n × channels planes of the given size,
// in two passes of float64 sums. Over nothing they are NaN.
func BatchStats[T Floating](p *Pool, mean, variance []float64, src []T, n, channels, size int) {
	p.For(channels, rowGrain(2*n*size), func(_, lo, hi int) {
		for c := lo; c < hi; c++ {
			m, v := 0.0, 0.0
			for i := range n {
				m = sumIn64(m, src[(i*channels+c)*size:][:size])
			}
			m /= float64(n * size)
			for i := range n {
				v = squaresAround(v, m, src[(i*channels+c)*size:][:size])
			}
			mean[c], variance[c] = m, v/float64(n*size)
		}
	})
}

// sumIn64 adds the elements of the run to acc.
func sumIn64[T Floating](acc float64, run []T) float64 {
	if x, ok := any(run).([]float32); ok {
		return sumFloats(acc, x)
	}
	return sumRun(acc, run)
}

// squaresAround adds (x − m)² to acc for each x of the run.
func squaresAround[T Floating](acc, m float64, run []T) float64 {
	if x, ok := any(run).([]float32); ok {
		return squareFloats(acc, m, x)
	}
	for _, v := range run {
		d := float64(v) - m
		acc += d * d
	}
	return acc
}

// Standardise computes (x − mean) / √(variance + epsilon) · scale + bias in float64 with the statistics of BatchStats.
func Standardise[T Floating](p *Pool, dst, src []T, n, channels, size int, scale, bias []T, mean, variance []float64, epsilon float64) {
	p.For(n*channels, rowGrain(size), func(_, lo, hi int) {
		for plane := lo; plane < hi; plane++ {
			c := plane % channels
			standardise(dst[plane*size:][:size], src[plane*size:][:size], mean[c],
				float64(scale[c])/math.Sqrt(variance[c]+epsilon), float64(bias[c]))
		}
	})
}

func standardise[T Floating](dst, src []T, mean, factor, bias float64) {
	if x, ok := any(src).([]float32); ok {
		standardiseRow(any(dst).([]float32), x, mean, factor, bias)
		return
	}
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = T((float64(v)-mean)*factor + bias)
	}
}

// BatchNormRef is the definition of BatchNorm element by element in float64, with the statistics of the data
// themselves where mean is nil, which it returns. It is the oracle of this file.
func BatchNormRef[T Floating](dst, src []T, n, channels, size int, scale, bias, mean, variance []T, epsilon float64) (m, v []float64) {
	for c := range channels {
		sum, squares := 0.0, 0.0
		each := func(f func(i int)) {
			for i := range n {
				for j := range size {
					f((i*channels+c)*size + j)
				}
			}
		}
		each(func(i int) { sum += float64(src[i]) })
		mu := sum / float64(n*size)
		each(func(i int) { squares += (float64(src[i]) - mu) * (float64(src[i]) - mu) })
		sigma := squares / float64(n*size)
		m, v = append(m, mu), append(v, sigma)
		if mean != nil {
			mu, sigma = float64(mean[c]), float64(variance[c])
		}
		each(func(i int) {
			dst[i] = T((float64(src[i])-mu)/math.Sqrt(sigma+epsilon)*float64(scale[c]) + float64(bias[c]))
		})
	}
	return m, v
}

// Affine computes dst = (src − mean)·factor + bias; dst may be src.
func Affine[T Floating](dst, src []T, mean, factor, bias T) { affine(dst, src, mean, factor, bias) }
