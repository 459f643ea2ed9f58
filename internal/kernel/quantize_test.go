package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestQuantizeLayouts holds both directions against their references on random layouts.
func TestQuantizeLayouts(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for k := range 200 {
		l := ScaleLayout{Outer: 1 + r.IntN(3), Axis: 1 + r.IntN(7), Inner: 1 + r.IntN(5)}
		if r.IntN(3) == 0 {
			l.Inner = 1
		}
		switch r.IntN(12) {
		case 0:
			l.Inner = rowLen + r.IntN(5)
		case 1:
			l.Axis = 0
		case 2:
			l = ScaleLayout{Outer: 1, Axis: 1, Inner: 20000}
		}
		if r.IntN(2) == 0 {
			l.Blocked, l.Block = true, 1+r.IntN(8)
			if r.IntN(9) == 0 {
				l.Block = math.MaxInt
			}
		}
		n := l.Outer * l.Axis * l.Inner
		scales := 0
		if n > 0 {
			scales = l.NumScales()
		}
		x, scale, zero := make([]float32, n), make([]float32, scales), make([]int8, scales)
		for i := range x {
			x[i] = float32(r.IntN(4001)-2000) / 16
		}
		for i := range scale {
			scale[i], zero[i] = float32(1+r.IntN(16))/8, int8(r.IntN(256)-128)
		}
		want := QuantizeRef(doubles(x), doubles(scale), doubles(zero), l, -128, 127)
		for threads := 1; threads <= 3; threads++ {
			p := NewPool(threads)
			q, y := make([]int8, n), make([]float32, n)
			Quantize(p, q, x, scale, zero, l, nil)
			Dequantize(p, y, q, scale, zero, l)
			back := DequantizeRef(doubles(q), doubles(scale), doubles(zero), l)
			for i := range want {
				if float64(q[i]) != want[i] || float64(y[i]) != back[i] {
					t.Fatalf("%d: %+v: element %d is %v and %v, want %v and %v", k, l, i, q[i], y[i], want[i], back[i])
				}
			}
			p.Close()
		}
	}
}

func doubles[S Real](src []S) []float64 {
	dst := make([]float64, len(src))
	ConvertRow(dst, src)
	return dst
}

func TestQuantizeHardValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{0.5, 1.5, 2.5, -0.5, -1.5, inf, -inf, nan, 300, -300, 0}
	l := ScaleLayout{Outer: 1, Axis: 1, Inner: len(x)}
	p := NewPool(1)
	for name, c := range map[string]struct {
		got  any
		want any
	}{
		"uint8": {quantized(p, x, []uint8{3}, l), []uint8{3, 5, 5, 3, 1, 255, 0, 3, 255, 0, 3}},
		"int8":  {quantized[int8](p, x, nil, l), []int8{0, 2, 2, 0, -2, 127, -128, 0, 127, -128, 0}},
		"int16": {quantized(p, x, []int16{-32767}, l), []int16{-32767, -32765, -32765, -32767, -32768, 32767, -32768, -32767, -32467, -32768, -32767}},
	} {
		if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	narrow := func(v float32) float32 { return float32(math.Round(float64(v))) }
	got := make([]uint8, 1)
	Quantize(p, got, []float32{2.5}, []float32{1}, nil, ScaleLayout{Outer: 1, Axis: 1, Inner: 1}, narrow)
	if got[0] != 3 {
		t.Errorf("2.5 narrowed to 3 is quantised to %d", got[0])
	}
	y := make([]float32, 1)
	Dequantize(p, y, []int32{math.MaxInt32}, []float32{0.5}, []int32{math.MinInt32}, ScaleLayout{Outer: 1, Axis: 1, Inner: 1})
	if y[0] != 1<<31 { // 2³²−1 is exact before it is rounded to float32
		t.Errorf("a difference of 2³²−1, halved, is %v", y[0])
	}
}

func quantized[Q Quantized](p *Pool, x []float32, zero []Q, l ScaleLayout) []Q {
	out := make([]Q, len(x))
	Quantize(p, out, x, []float32{1}, zero, l, nil)
	return out
}

func TestQuantizeRange(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		x     []float32
		scale float32
		zero  uint8
	}{
		{nil, 1, 0}, {[]float32{0, 0}, 1, 0}, {[]float32{1, 255}, 1, 0}, {[]float32{-255, -3}, 1, 255}, {[]float32{-51, 204}, 1, 51},
		{[]float32{nan, 255}, 1, 0}, {[]float32{-inf, 5}, inf, 0}, {[]float32{math.MaxFloat32, -math.MaxFloat32}, inf, 0},
	} {
		if scale, zero := QuantizeRange(c.x); scale != c.scale || zero != c.zero {
			t.Errorf("%v: scale %v and zero point %d, want %v and %d", c.x, scale, zero, c.scale, c.zero)
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	p := NewPool(1)
	x, q := make([]float32, 80*129*129), make([]uint8, 80*129*129)
	l := ScaleLayout{Outer: 1, Axis: 1, Inner: len(x)}
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		Quantize(p, q, x, []float32{0.5}, []uint8{3}, l, nil)
	}
}
