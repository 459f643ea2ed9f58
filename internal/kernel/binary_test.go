package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// onEveryVector runs f with each assembly of the element-wise operations that this machine has, and without any.
func onEveryVector(t *testing.T, f func(t *testing.T)) {
	before := vectorFast
	defer func() { vectorFast = before }()
	for i, set := range append(slices.Clone(vectorSets), nil) {
		vectorFast = set
		t.Run(fmt.Sprint("set", i), f)
	}
}

// hardFloats is a slice of n numbers, many of them special.
func hardFloats(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1, -1}
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
		if r.IntN(3) == 0 {
			out[i] = special[r.IntN(len(special))]
		}
	}
	return out
}

// sameFloats compares to the bit, any NaN being as good as another.
func sameFloats(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: element %d of %d is %v, want %v", what, i, len(want), got[i], want[i])
		}
	}
}

// operations are Go's own, element by element.
var operations = map[Arithmetic]func(x, y float32) float32{
	OpAdd:   func(x, y float32) float32 { return x + y },
	OpSub:   func(x, y float32) float32 { return x - y },
	OpMul:   func(x, y float32) float32 { return x * y },
	OpDiv:   func(x, y float32) float32 { return x / y },
	OpMin:   func(x, y float32) float32 { return min(x, y) },
	OpMax:   func(x, y float32) float32 { return max(x, y) },
	OpPRelu: func(x, y float32) float32 { return map[bool]float32{true: x * y, false: x}[x < 0] },
}

func TestRowsOfFloats(t *testing.T) {
	onEveryVector(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for n := range 100 {
			x, y := hardFloats(r, n), hardFloats(r, n)
			for op, f := range operations {
				want, got := make([]float32, n), make([]float32, n+1)
				for i := range want {
					want[i] = f(x[i], y[i])
				}
				got[n] = 77
				Row[float32](op)(got[:n], x, y)
				sameFloats(t, fmt.Sprint("operation ", op), got, want)
				if got[n] != 77 {
					t.Fatal("writes behind the end")
				}
				got = slices.Clone(x)
				Row[float32](op)(got, got, y)
				sameFloats(t, fmt.Sprint("in the place of x, operation ", op), got, want)
			}
			lo, hi := hardFloats(r, 1)[0], hardFloats(r, 1)[0]
			relu, clip := make([]float32, n), make([]float32, n)
			ReluRow(relu, x)
			ClipRow(lo, hi)(clip, x)
			for i, v := range x {
				sameFloats(t, "relu", relu[i:i+1], []float32{max(v, 0)})
				if v < lo {
					v = lo
				}
				if v > hi {
					v = hi
				}
				sameFloats(t, fmt.Sprintf("clip to %v, %v", lo, hi), clip[i:i+1], []float32{v})
			}
		}
	})
}

// TestBinaryBroadcasts holds Binary and Select against BinaryRef on random shapes.
func TestBinaryBroadcasts(t *testing.T) {
	onEveryVector(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 300 {
			out := make([]int, r.IntN(5))
			for d := range out {
				out[d] = []int{1, 1, 2, 3, 7, 12}[r.IntN(6)]
			}
			if r.IntN(20) == 0 && len(out) > 0 {
				out[r.IntN(len(out))] = 0
			}
			if r.IntN(20) == 0 {
				out = append(out, 3*spreadLen+r.IntN(9))
			}
			xs, ys, cs := operand(r, out), operand(r, out), operand(r, out)
			x, y := hardFloats(r, numElems(xs)), hardFloats(r, numElems(ys))
			cond := make([]bool, numElems(cs))
			for i := range cond {
				cond[i] = r.IntN(2) == 0
			}
			want := make([]float32, numElems(out))
			BinaryRef(want, x, y, out, xs, ys, operations[OpSub])
			picked := make([]float32, len(want))
			// Select in two steps of the reference: the places of x and y where cond says so.
			condFull := make([]bool, len(want))
			BinaryRef(condFull, cond, []bool{true}, out, cs, nil, func(c, _ bool) bool { return c })
			xFull, yFull := make([]float32, len(want)), make([]float32, len(want))
			BinaryRef(xFull, x, []float32{0}, out, xs, nil, func(v, _ float32) float32 { return v })
			BinaryRef(yFull, y, []float32{0}, out, ys, nil, func(v, _ float32) float32 { return v })
			for i := range picked {
				picked[i] = yFull[i]
				if condFull[i] {
					picked[i] = xFull[i]
				}
			}
			for threads := 1; threads <= 3; threads++ {
				p := NewPool(threads)
				what := fmt.Sprintf("%v ∘ %v = %v with %d threads", xs, ys, out, threads)
				b, err := NewBroadcast(out, xs, ys)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]float32, len(want))
				Binary(p, b, got, x, y, Row[float32](OpSub))
				sameFloats(t, what, got, want)
				b, err = NewBroadcast(out, cs, xs, ys)
				if err != nil {
					t.Fatal(err)
				}
				Select(p, b, got, cond, x, y)
				sameFloats(t, "select "+what, got, picked)
				p.Close()
			}
		}
	})
}

// operand makes a shape that broadcasts to out.
func operand(r *rand.Rand, out []int) []int {
	shape := slices.Clone(out[r.IntN(len(out)+1)/2:])
	for d := range shape {
		if r.IntN(3) == 0 {
			shape[d] = 1
		}
	}
	return shape
}

func numElems(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func TestNewBroadcastRefuses(t *testing.T) {
	for _, c := range []struct{ out, operand []int }{
		{[]int{3}, []int{2}}, {[]int{3}, []int{1, 3}}, {[]int{}, []int{1}}, {[]int{2, 3}, []int{2}}, {[]int{0}, []int{2}}, {[]int{1}, []int{2}},
	} {
		if _, err := NewBroadcast(c.out, c.out, c.operand); err == nil {
			t.Errorf("%v broadcasts to %v", c.operand, c.out)
		}
	}
}

// TestIntegerRows checks wrap-around and truncation of every width.
func TestIntegerRows(t *testing.T) {
	integerRows[int8](t)
	integerRows[int16](t)
	integerRows[int32](t)
	integerRows[int64](t)
	integerRows[uint8](t)
	integerRows[uint16](t)
	integerRows[uint32](t)
	integerRows[uint64](t)
}

func integerRows[T Integer](t *testing.T) {
	t.Helper()
	least, greatest := Least[T](), Greatest[T]()
	x := []T{7, 7, greatest, least, greatest, least, 0}
	y := []T{2, 3, 1, 1, greatest, greatest, 5}
	got := make([]T, len(x))
	for op, f := range map[Arithmetic]func(x, y T) T{
		OpAdd: func(x, y T) T { return x + y }, OpSub: func(x, y T) T { return x - y }, OpMul: func(x, y T) T { return x * y },
		OpDiv: func(x, y T) T { return x / y }, OpMin: func(x, y T) T { return min(x, y) }, OpMax: func(x, y T) T { return max(x, y) },
	} {
		Row[T](op)(got, x, y)
		for i := range x {
			if want := f(x[i], y[i]); got[i] != want {
				t.Errorf("%T: operation %d of %v and %v is %v, want %v", x[i], op, x[i], y[i], got[i], want)
			}
		}
	}
	var less, notGreater, greater, notLess [7]bool
	CompareRow[T](OpLess)(less[:], x, y)
	CompareRow[T](OpLessEqual)(notGreater[:], x, y)
	CompareRow[T](OpGreater)(greater[:], x, y)
	CompareRow[T](OpGreaterEqual)(notLess[:], x, y)
	for i := range x {
		if less[i] != (x[i] < y[i]) || notGreater[i] == (x[i] > y[i]) || greater[i] != (x[i] > y[i]) || notLess[i] != !less[i] {
			t.Errorf("%T: %v and %v compare as %v, %v, %v, %v", x[i], x[i], y[i], less[i], notGreater[i], greater[i], notLess[i])
		}
	}
	abs, neg := make([]T, 2), make([]T, 2)
	if least != 0 {
		AbsRow(abs, []T{0 - y[6], least})
		NegRow(neg, []T{y[6], least})
		if abs[0] != 5 || abs[1] != least || neg[0]+5 != 0 || neg[1] != least {
			t.Errorf("%T: |−5| is %v, |least| %v, −5 %v, −least %v", least, abs[0], abs[1], neg[0], neg[1])
		}
	}
}

func TestPowInt(t *testing.T) {
	for _, c := range []struct{ x, y, want int64 }{
		{2, 10, 1024}, {-3, 3, -27}, {-3, 4, 81}, {0, 0, 1}, {0, 5, 0}, {7, 0, 1}, {2, 62, 1 << 62}, {2, 63, math.MinInt64}, {2, 64, 0},
		{3, 39, 4052555153018976267}, {2, -1, 0}, {-2, -1, 0}, {1, -7, 1}, {-1, -7, -1}, {-1, -8, 1}, {-1, math.MinInt64, 1}, {-1, math.MaxInt64, -1},
	} {
		if got, ok := PowInt(c.x, c.y); !ok || got != c.want {
			t.Errorf("%d to the power %d is %d, %v; want %d", c.x, c.y, got, ok, c.want)
		}
	}
	if _, ok := PowInt(0, -1); ok {
		t.Error("0 has a negative power")
	}
}

func TestPowRow(t *testing.T) {
	x := []float64{2, -2, 0.1, 1e200, math.Inf(-1), math.NaN(), 1}
	for _, e := range []float64{2, 3} {
		y := slices.Repeat([]float64{e}, len(x))
		got := make([]float64, len(x))
		PowRow(got, x, y)
		for i := range x {
			if want := math.Pow(x[i], e); got[i] != want && math.Abs(got[i]/want-1) > 1e-15 && want == want {
				t.Errorf("%v to the power %v is %v, want %v", x[i], e, got[i], want)
			}
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	shape := []int{1, 80, 129, 129}
	for _, c := range []struct {
		name    string
		operand []int
	}{
		{"same/1x80x129x129", shape}, {"channel/1x80x129x129", []int{80, 1, 1}}, {"scalar/1x80x129x129", nil}, {"column/1x80x129x129", []int{129, 1}},
		{"last/1x129x129x80", []int{80}},
	} {
		out := shape
		if c.name[0] == 'l' {
			out = []int{1, 129, 129, 80}
		}
		b.Run(c.name, func(b *testing.B) {
			p := NewPool(1)
			x, y, dst := make([]float32, numElems(out)), make([]float32, numElems(c.operand)), make([]float32, numElems(out))
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				w, err := NewBroadcast(out, out, c.operand)
				if err != nil {
					b.Fatal(err)
				}
				Binary(p, w, dst, x, y, Row[float32](OpAdd))
			}
		})
	}
}
