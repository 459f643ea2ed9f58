package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func randomBytes[T int8 | uint8](r *rand.Rand, n int) []T {
	s := make([]T, n)
	extremes := r.IntN(4) == 0
	for i := range s {
		if s[i] = T(r.IntN(256)); extremes {
			s[i] = ^T(0) // 255 or −1
		}
	}
	return s
}

// zeros draws n zero points within the range of T.
func zeros[T int8 | uint8](r *rand.Rand, n int) []int32 {
	z := make([]int32, n)
	for i := range z {
		z[i] = int32(randomBytes[T](r, 1)[0])
	}
	return z
}

func TestConvIntegerAgainstRef(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 12 {
		testConvInteger[uint8, int8](t, r, 1+i%3)
		testConvInteger[int8, uint8](t, r, 1+i%3)
	}
}

func testConvInteger[X, W int8 | uint8](t *testing.T, r *rand.Rand, rank int) {
	c := randomConv(r, rank)
	src, weights := randomBytes[X](r, c.s.Batch*c.p.In*product(c.s.In)), randomBytes[W](r, c.p.Out*c.p.In/c.p.Groups*c.p.Taps())
	xZero, wZero := zeros[X](r, 1)[0], zeros[W](r, []int{0, 1, c.p.Out}[r.IntN(3)])
	want := make([]int32, c.s.Batch*c.p.Out*product(c.s.Out))
	ConvIntegerRef(want, src, weights, xZero, wZero, c.p, c.s)
	for _, mk := range microKernels() {
		conv, err := newConvIntegerFor(mk, c.p, weights, wZero)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		for _, pool := range pools {
			got := make([]int32, len(want))
			if err := RunConvInteger(conv, pool, make([]float32, conv.Scratch(pool, c.s)), got, src, xZero, c.s); err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%v, %s, %d threads: sums differ", c, mk.name, pool.Threads())
			}
			q := Requantize{Scale: make([]float32, c.p.Out), Zero: 3}
			for i := range q.Scale {
				q.Scale[i] = 0.001
			}
			bytes, wantBytes := make([]int8, len(want)), make([]int8, len(want))
			if err := RunConvQuantized(conv, pool, nil, bytes, src, xZero, q, c.s); err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			requantize(wantBytes, want, &q, 0)
			if !slices.Equal(bytes, wantBytes) {
				t.Fatalf("%v, %s, %d threads: quantized outputs differ", c, mk.name, pool.Threads())
			}
		}
	}
}

// The deepest sums of the largest products must stay exact, and wrap around as int32.
func TestIntegerSumsAreExact(t *testing.T) {
	const k = 40000
	a, b := slices.Repeat([]uint8{255}, k), slices.Repeat([]uint8{255}, k)
	terms := k
	want := int32(uint32(terms * 255 * 255))
	for _, mk := range microKernels() {
		got := make([]int32, 1)
		gemmIntegerWith(mk, pools[0], nil, got, 1, 1, k, Operand[uint8]{a, []int{0}, k, 1}, Operand[uint8]{b, []int{0}, 1, 1}, ZeroPoints{}, ZeroPoints{})
		if got[0] != want {
			t.Errorf("%s: %d, want %d", mk.name, got[0], want)
		}
	}
}

func TestRequantize(t *testing.T) {
	tests := []struct {
		sum, bias int32
		scale     float32
		zero      int32
		u8        uint8
		i8        int8
	}{
		{0, 0, 0.5, 0, 0, 0},
		{1, 0, 0.5, 0, 0, 0}, // 0.5 → 0
		{3, 0, 0.5, 0, 2, 2}, // 1.5 → 2
		{5, 0, 0.5, 1, 3, 3}, // 2.5 → 2
		{4, 1, 0.5, 10, 12, 12},
		{-3, 0, 0.5, 10, 8, 8}, // −1.5 → −2
		{1 << 30, 0, 1, 0, 255, 127},
		{-1 << 30, 0, 1, 5, 0, -128},
		{300, 0, 1, 0, 255, 127},
		{7, -7, 1e30, 100, 100, 100},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("(%d%+d)*%v%+d", tt.sum, tt.bias, tt.scale, tt.zero), func(t *testing.T) {
			q := Requantize{Scale: []float32{tt.scale}, Bias: []int32{tt.bias}, Zero: tt.zero}
			u, i := make([]uint8, 1), make([]int8, 1)
			requantize(u, []int32{tt.sum}, &q, 0)
			requantize(i, []int32{tt.sum}, &q, 0)
			if u[0] != tt.u8 || i[0] != tt.i8 {
				t.Errorf("uint8 %d, int8 %d; want %d, %d", u[0], i[0], tt.u8, tt.i8)
			}
		})
	}
}
