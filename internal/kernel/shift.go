package kernel

import (
	"math"
	"slices"
	"sync"
)

//go:generate go run ./asm -family shift -out shift_amd64.s -stubs shift_stub_amd64.go

// ShiftSum computes dst[i] = Σ_t weights[t]·src[at+i+offsets[t]] for every i, the taps in their order: a depthwise
// convolution over a run laid out by Border, with at its First, dst Span long, and offsets of its Offset. dst and src
// must not overlap. No offset may reach beyond src.
func ShiftSum[T Float](dst, src []T, at int, offsets []int, weights []T) {
	if d := single(dst); d != nil && micro.row != nil && len(offsets) > 0 {
		s, w := single(src), single(weights[:len(offsets)])
		least, most := slices.Min(offsets), slices.Max(offsets)
		_, _ = s[at+least], s[at+most+len(d)-1]
		inf := float32(math.Inf(1))
		micro.row(&d[0], &s[at], len(d), &offsets[0], &w[0], len(offsets), 0, -inf, inf)
		return
	}
	shiftSumGo(dst, src, at, offsets, weights)
}

func shiftSumGo[T Float](dst, src []T, at int, offsets []int, weights []T) {
	clear(dst)
	for t, offset := range offsets {
		w := weights[t]
		for i, v := range src[at+offset:][:len(dst)] {
			dst[i] += w * v
		}
	}
}

// ShiftDots adds Σ_i dy[i]·src[at+i+offsets[t]] to out[t] for every t: the gradient of ShiftSum with respect to its
// weights. dy is 0 outside the pixels.
func ShiftDots[T Float](out []T, dy, src []T, at int, offsets []int) {
	d := single(dy)
	if d == nil {
		shiftDotsGo(out, dy, src, at, offsets)
		return
	}
	s, sums := single(src), dotSums.Get().(*[maxDotTaps]float64)
	for len(offsets) > 0 {
		taps := min(len(trainFast.dots)-1, len(offsets))
		for trainFast.dots[taps] == nil {
			taps--
		}
		clear(sums[:taps])
		_, _ = s[at+slices.Min(offsets[:taps])], s[at+slices.Max(offsets[:taps])+len(d)-1]
		trainFast.dots[taps](&sums[0], &d[0], &s[at], len(d), &offsets[0])
		for t, v := range sums[:taps] {
			out[t] += T(v)
		}
		out, offsets = out[taps:], offsets[taps:]
	}
	dotSums.Put(sums)
}

// maxDotTaps is how many taps a loop of trainAsm.dots has at most. dotSums are for its results, which would otherwise be
// allocated at every call.
const maxDotTaps = 25

var dotSums = sync.Pool{New: func() any { return new([maxDotTaps]float64) }}

func shiftDotsGo[T Float](out []T, dy, src []T, at int, offsets []int) {
	for t, offset := range offsets {
		out[t] += T(Dot(dy, src[at+offset:][:len(dy)]))
	}
}

// ShiftMax computes dst[i] = max_t src[at+i+offsets[t]] and notes in which[i] the first t that reaches it. There must be
// 1 to 256 offsets. Where a tap is NaN, so is the maximum, and the first such tap is noted. What lies outside an image
// must be −Inf in src if it is not to win.
func ShiftMax[T Float](dst []T, which []uint8, src []T, at int, offsets []int) {
	if d := single(dst); len(d) >= rowStep && len(offsets) > 0 {
		s := single(src)
		_, _, _ = which[len(d)-1], s[at+slices.Min(offsets)], s[at+slices.Max(offsets)+len(d)-1]
		trainFast.shiftMax(&d[0], &which[0], &s[at], len(d), &offsets[0], len(offsets))
		return
	}
	shiftMaxGo(dst, which, src, at, offsets)
}

func shiftMaxGo[T Float](dst []T, which []uint8, src []T, at int, offsets []int) {
	which = which[:len(dst)]
	clear(which)
	for t, offset := range offsets {
		row := src[at+offset:][:len(dst)]
		if t == 0 {
			copy(dst, row)
			continue
		}
		for i, v := range row {
			if b := dst[i]; !(v <= b) && b == b {
				dst[i], which[i] = v, uint8(t)
			}
		}
	}
}

// ShiftMaxGrad adds dy[i] to dx[at+i+offsets[which[i]]] for every i: the gradient of ShiftMax with respect to src. dy is
// 0 outside the pixels, and lies apart from dx. An element of dx gets what it is due in the order of the taps.
func ShiftMaxGrad[T Float](dx []T, at int, dy []T, which []uint8, offsets []int) {
	which = which[:len(dy)]
	d, n := single(dy), 0
	if d != nil {
		n = len(d) &^ (rowStep - 1)
	}
	for t, offset := range offsets {
		row := dx[at+offset:][:len(dy)]
		if n > 0 {
			trainFast.shiftPick(&single(row)[0], &d[0], &which[0], n, t)
		}
		for i, w := range which[n:] {
			if int(w) == t {
				row[n+i] += dy[n+i]
			}
		}
	}
}
