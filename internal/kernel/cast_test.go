package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestTruncRow(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	truncates(t, []float64{0.9, -0.9, 127.9, 128, -128.9, -129, inf, -inf, nan, 1e300}, []int8{0, 0, 127, 127, -128, -128, 127, -128, 0, 127})
	truncates(t, []float64{0.9, -0.9, -1, 255.9, 256, inf, -inf, nan}, []uint8{0, 0, 0, 255, 255, 255, 0, 0})
	truncates(t, []float64{32767.5, 40000, -32768.5, -40000}, []int16{32767, 32767, -32768, -32768})
	truncates(t, []float64{65535.5, 70000, -3}, []uint16{65535, 65535, 0})
	truncates(t, []float64{math.MaxInt32 + 0.5, 1 << 31, math.MinInt32 - 0.5, -1 << 32}, []int32{math.MaxInt32, math.MaxInt32, math.MinInt32, math.MinInt32})
	truncates(t, []float64{math.MaxUint32 + 0.5, 1 << 32, -1}, []uint32{math.MaxUint32, math.MaxUint32, 0})
	truncates(t, []float64{1 << 62, 1 << 63, -1 << 63, -1 << 64, math.Nextafter(1<<63, 0)}, []int64{1 << 62, math.MaxInt64, math.MinInt64, math.MinInt64, 1<<63 - 1024})
	truncates(t, []float64{1 << 63, 1 << 64, math.Nextafter(1<<64, 0), -1}, []uint64{1 << 63, math.MaxUint64, 1<<64 - 2048, 0})
}

func truncates[D Integer](t *testing.T, src []float64, want []D) {
	t.Helper()
	got := make([]D, len(src))
	TruncRow(got, src)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v as %T is %v, want %v", src[i], want[i], got[i], want[i])
		}
	}
}

// TestOddFloat32 rounds doubles to 11 bits, as binary16 has, by way of OddFloat32, against rounding once: numbers beside
// the middles between neighbours, where rounding twice goes wrong.
func TestOddFloat32(t *testing.T) {
	round := func(x float64) float64 {
		v, _ := new(big.Float).SetPrec(11).SetMode(big.ToNearestEven).SetFloat64(x).Float64()
		return v
	}
	r := rand.New(rand.NewPCG(7, 8))
	twice := 0
	for range 20000 {
		mid := (1 + (2*float64(r.IntN(1024))+1)/2048) * math.Ldexp(1, r.IntN(28)-13)
		for _, x := range []float64{mid, math.Nextafter(mid, 0), math.Nextafter(mid, 1e9), mid * (1 + 1e-12), mid * (1 - 1e-12), -mid * (1 + 1e-9)} {
			if got := round(float64(OddFloat32(x))); got != round(x) {
				t.Fatalf("%x is rounded to %v, want %v", x, got, round(x))
			}
			if round(float64(float32(x))) != round(x) {
				twice++
			}
		}
	}
	if twice == 0 {
		t.Error("no case where rounding twice goes wrong")
	}
	tiny := math.Ldexp(1, -25) // half the least binary16
	for x, want := range map[float64]float32{
		tiny: float32(tiny), math.Nextafter(tiny, 1): math.Nextafter32(float32(tiny), 1), 0: 0, 1.5: 1.5,
		1e300: math.MaxFloat32, -1e300: -math.MaxFloat32, math.Inf(1): float32(math.Inf(1)), 1e-300: math.SmallestNonzeroFloat32,
		-1e-300: -math.SmallestNonzeroFloat32,
	} {
		if got := OddFloat32(x); got != want {
			t.Errorf("%x becomes %x, want %x", x, got, want)
		}
	}
	if got := OddFloat32(math.NaN()); got == got {
		t.Errorf("NaN becomes %v", got)
	}
}
