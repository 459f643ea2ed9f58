package precision

import (
	"context"
	"math"
)

// bins of the histograms of percentile and entropy.
const bins = 2048

// extremes are what a value held on all pictures.
type extremes struct{ low, high float64 }

// ranges finds the range of each value by the method.
func (o *observer) ranges(ctx context.Context, values []string, m Method, percentile float64) (map[string]Range, error) {
	seen := make(map[string]*extremes)
	err := o.each(ctx, values, func(value string, data []float32) {
		low, high := bounds(data)
		if e := seen[value]; e == nil {
			seen[value] = &extremes{low, high}
		} else {
			e.low, e.high = min(e.low, low), max(e.high, high)
		}
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]Range)
	for v, e := range seen {
		found[v] = Range{e.low, e.high}
	}
	if m == MinMax {
		return found, nil
	}
	counts := make(map[string][]int64)
	for _, v := range values {
		counts[v] = make([]int64, bins)
	}
	err = o.each(ctx, values, func(value string, data []float32) {
		e := seen[value]
		if m == Percentile {
			count(counts[value], data, e.low, e.high, false)
		} else {
			count(counts[value], data, 0, max(-e.low, e.high), true)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		r := found[v]
		if m == Percentile {
			found[v] = percentileRange(counts[v], r, percentile)
		} else {
			t := entropyBound(counts[v], max(-r.Low, r.High))
			found[v] = Range{max(r.Low, -t), min(r.High, t)}
		}
	}
	return found, nil
}

// bounds are the least and the greatest of some numbers, 0 and 0 for none.
func bounds(data []float32) (low, high float64) {
	if len(data) == 0 {
		return 0, 0
	}
	a, b := data[0], data[0]
	for _, v := range data {
		a, b = min(a, v), max(b, v)
	}
	return float64(a), float64(b)
}

// count adds numbers to a histogram over low…high, both included; absolute counts them without their sign.
func count(h []int64, data []float32, low, high float64, absolute bool) {
	if !(high > low) {
		h[0] += int64(len(data))
		return
	}
	factor := float64(len(h)) / (high - low)
	for _, x := range data {
		v := float64(x)
		if absolute {
			v = math.Abs(v)
		}
		h[min(max(int((v-low)*factor), 0), len(h)-1)]++
	}
}

// percentileRange narrows a range to the bins outside of which, at each end, lie no more than (100 − percent)/200 of the
// numbers that a histogram over it counted.
func percentileRange(h []int64, r Range, percent float64) Range {
	total := int64(0)
	for _, n := range h {
		total += n
	}
	cut := int64(float64(total) * (100 - percent) / 200)
	width := (r.High - r.Low) / float64(len(h))
	first, last := 0, len(h)-1
	for below := h[0]; below <= cut && first < last; below += h[first] {
		first++
	}
	for above := h[last]; above <= cut && last > first; above += h[last] {
		last--
	}
	return Range{r.Low + float64(first)*width, r.High - float64(len(h)-1-last)*width}
}

// boundStep is how many bins lie between two candidates.
const boundStep = 8

// levels are the steps into which entropyBound cuts the numbers of one sign.
const levels = 128

// entropyBound finds where to cut a distribution of absolute values, counted in a histogram from 0 to high: the bound
// whose quantised distribution diverges the least from the one it stands for (Migacz, "8-bit inference with TensorRT",
// 2017). For each candidate of i bins, P is the histogram up to there with the rest heaped on its last bin; Q is the
// histogram up to there, each of 128 runs of bins spread evenly over those of its bins that are not empty. The bound of
// the least Σ p·log(p/q) wins, the first of equal ones.
func entropyBound(h []int64, high float64) float64 {
	rest := int64(0)
	for _, n := range h[levels:] {
		rest += n
	}
	best, bound := math.Inf(1), len(h)
	q := make([]float64, len(h))
	for i := levels; i <= len(h); i += boundStep {
		for _, n := range h[max(i-boundStep, levels):i] {
			rest -= n
		}
		inside := spread(q[:i], h[:i])
		if inside == 0 {
			continue
		}
		total := float64(inside + rest)
		divergence := 0.0
		for k, n := range h[:i] {
			p := float64(n)
			if k == i-1 {
				p += float64(rest)
			}
			if p == 0 {
				continue
			}
			if q[k] == 0 {
				divergence = math.Inf(1) // the heap stands on a bin that is empty without it
				break
			}
			p /= total
			divergence += p * math.Log(p/(q[k]/float64(inside)))
		}
		if divergence < best {
			best, bound = divergence, i
		}
	}
	return high * float64(bound) / float64(len(h))
}

// spread writes the quantised distribution of a histogram into q, and gives the sum.
func spread(q []float64, h []int64) int64 {
	total := int64(0)
	for level := range levels {
		from, to := level*len(h)/levels, (level+1)*len(h)/levels
		sum, filled := int64(0), 0
		for _, n := range h[from:to] {
			sum += n
			if n > 0 {
				filled++
			}
		}
		total += sum
		for k := from; k < to; k++ {
			q[k] = 0
			if h[k] > 0 {
				q[k] = float64(sum) / float64(filled)
			}
		}
	}
	return total
}
