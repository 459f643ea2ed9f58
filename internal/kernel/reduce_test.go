package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// randomReduction makes a shape of at most six axes with some of them marked.
func randomReduction(r *rand.Rand) (shape []int, reduced []bool, size, results int) {
	size, results = 1, 1
	for range r.IntN(7) {
		n := 1 + r.IntN(6)
		if size > 2000 {
			n = 1
		}
		if r.IntN(20) == 0 {
			n = 0
		}
		if r.IntN(12) == 0 && size < 200 {
			n = 300 + r.IntN(300) // more than one block of columns
		}
		shape, reduced = append(shape, n), append(reduced, r.IntN(2) == 0)
		size *= n
		if !reduced[len(reduced)-1] {
			results *= n
		}
	}
	return shape, reduced, size, results
}

func TestReductions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	add := func(a, v float64) float64 { return a + v }
	for range 300 {
		shape, reduced, size, results := randomReduction(r)
		src := eighths(r, size)
		axes := MergeAxes(shape, reduced)
		run := func(f func(p *Pool, dst, src []float32, axes []ReduceAxis)) []float32 {
			return threadsAgree(t, results, func(p *Pool, dst []float32) { f(p, dst, src, axes) })
		}
		sums := ReduceRef(src, shape, reduced, 0, add)
		checkNear(t, run(ReduceSum[float64]), sums, 1e-7)
		for i := range sums {
			sums[i] /= float64(size) / float64(results)
		}
		if size > 0 {
			checkNear(t, run(ReduceMean[float64]), sums, 1e-6)
		}
		checkNear(t, run(ReduceMax[float32]), ReduceRef(src, shape, reduced, math.Inf(-1), math.Max), 0)
		checkNear(t, run(ReduceMin[float32]), ReduceRef(src, shape, reduced, math.Inf(1), math.Min), 0)
	}
}

func TestReduceIntegers(t *testing.T) {
	p := NewPool(1)
	axes := MergeAxes([]int{2, 3}, []bool{false, true})
	got := make([]int32, 2)
	ReduceMean[int64](p, got, []int32{-1, -1, -2, math.MaxInt32, math.MaxInt32, math.MaxInt32}, axes)
	if got[0] != -1 || got[1] != math.MaxInt32 {
		t.Errorf("means %v, want -4/3 cut to -1, and no overflow", got)
	}
	ReduceSum[int64](p, got, []int32{math.MaxInt32, 1, 0, -5, 2, 1}, axes)
	if got[0] != math.MinInt32 || got[1] != -2 {
		t.Errorf("sums %v, want one that wraps around, and -2", got)
	}
	ReduceMean[int64](p, got, nil, MergeAxes([]int{2, 0}, []bool{false, true}))
	if got[0] != 0 || got[1] != 0 {
		t.Errorf("means of nothing %v, want 0", got)
	}
	var nothing [1]float32
	ReduceMean[float64](p, nothing[:], nil, MergeAxes([]int{1, 0}, []bool{false, true}))
	if nothing[0] == nothing[0] {
		t.Errorf("mean of nothing %v, want NaN", nothing[0])
	}
}

func TestLimitsOfTypes(t *testing.T) {
	got := fmt.Sprint(Least[int8](), Greatest[int8](), Least[uint8](), Greatest[uint8](), Least[int64](), Greatest[int64](),
		Least[uint64](), Greatest[uint64](), Least[int32](), Greatest[uint32](), Least[float32](), Greatest[float64]())
	want := fmt.Sprint(math.MinInt8, math.MaxInt8, 0, math.MaxUint8, math.MinInt64, math.MaxInt64, 0, uint64(math.MaxUint64),
		math.MinInt32, math.MaxUint32, math.Inf(-1), math.Inf(1))
	if got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
}

func TestArgExtreme(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for i := range 200 {
		outer, n, inner := 1+r.IntN(4), 1+r.IntN(9), 1+r.IntN(4)
		if r.IntN(3) == 0 {
			inner = 200 + r.IntN(200)
		}
		src := make([]float32, outer*n*inner)
		for k := range src {
			if src[k] = float32(r.IntN(4)); i%3 == 0 && r.IntN(5) == 0 {
				src[k] = float32(math.NaN())
			}
		}
		for flags := range 4 {
			largest, last := flags&1 == 0, flags&2 == 0
			want := make([]int64, outer*inner)
			ArgExtremeRef(want, src, outer, n, inner, largest, last)
			got := threadsAgree(t, len(want), func(p *Pool, dst []int64) {
				ArgExtreme(p, dst, src, outer, n, inner, largest, last)
			})
			for k := range want {
				if got[k] != want[k] {
					t.Fatalf("%d×%d×%d largest %v last %v: element %d is %d, want %d\n%v", outer, n, inner, largest, last, k, got[k], want[k], src)
				}
			}
		}
	}
}

// TestTopK checks that the first of the sorted ones is what ArgExtreme finds, that the rest are sorted, and that the
// indices lead to the values.
func TestTopK(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for i := range 200 {
		outer, n, inner := 1+r.IntN(3), 1+r.IntN(9), 1+r.IntN(4)
		k := 1 + r.IntN(n)
		src := make([]float32, outer*n*inner)
		for j := range src {
			if src[j] = float32(r.IntN(5)); i%3 == 0 && r.IntN(5) == 0 {
				src[j] = float32(math.NaN())
			}
		}
		for _, largest := range []bool{true, false} {
			values := make([]float32, outer*k*inner)
			index := threadsAgree(t, outer*k*inner, func(p *Pool, index []int64) {
				TopK(p, values, index, src, outer, n, inner, k, largest)
			})
			for o := range outer {
				for c := range inner {
					seen := map[int64]bool{}
					for j := range k {
						at := (o*k+j)*inner + c
						v, from := values[at], index[at]
						if x := src[(o*n+int(from))*inner+c]; x != v && (x == x || v == v) || seen[from] {
							t.Fatalf("value %v at index %d, where %v stands", v, from, x)
						}
						seen[from] = true
						if j > 0 {
							before := values[at-inner]
							if precedes(v, before, largest) || !precedes(before, v, largest) && from < index[at-inner] {
								t.Fatalf("%v at %d comes after %v at %d", v, from, before, index[at-inner])
							}
						}
					}
					for from := range n {
						x, last := src[(o*n+from)*inner+c], values[(o*k+k-1)*inner+c]
						if !seen[int64(from)] && precedes(x, last, largest) {
							t.Fatalf("%v is left out, but %v is in", x, last)
						}
					}
				}
			}
		}
	}
}

func TestSoftmax(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for i := range 200 {
		outer, n, inner := 1+r.IntN(4), 1+r.IntN(20), 1
		if r.IntN(2) == 0 {
			inner = 1 + r.IntN(600)
		}
		src := make([]float32, outer*n*inner)
		for k := range src {
			src[k] = float32(r.NormFloat64() * 10)
		}
		if i%5 == 0 {
			src[r.IntN(len(src))] = float32([]float64{math.NaN(), math.Inf(1), math.Inf(-1), -1e38, 300}[i/5%5])
		}
		for _, log := range []bool{false, true} {
			want := make([]float64, len(src))
			SoftmaxRef(want, widened(src), outer, n, inner, log)
			got := threadsAgree(t, len(src), func(p *Pool, dst []float32) { Softmax(p, dst, src, outer, n, inner, log) })
			checkNear(t, got, want, 2e-7)
		}
	}
}

func widened(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestExp64(t *testing.T) {
	for x := 0.0; x > -700; x = x*1.01 - 1e-3 {
		if got, want := exp64(x), math.Exp(x); math.Abs(got-want) > 3e-10*want {
			t.Fatalf("e^%v is %v, want %v", x, got, want)
		}
	}
	if exp64(0) != 1 || exp64(math.Inf(-1)) != 0 || !math.IsNaN(exp64(math.NaN())) {
		t.Error("0, −∞ or NaN goes wrong")
	}
}

func BenchmarkArgMax(b *testing.B) {
	const n, inner = 19, 513 * 513
	src, dst := eighths(rand.New(rand.NewPCG(1, 1)), n*inner), make([]int64, inner)
	p := NewPool(1)
	b.Run("c19-513x513", func(b *testing.B) {
		b.SetBytes(4 * n * inner)
		for b.Loop() {
			ArgExtreme(p, dst, src, 1, n, inner, true, false)
		}
	})
}

func BenchmarkSoftmax(b *testing.B) {
	p := NewPool(1)
	for _, c := range []struct{ outer, n, inner int }{{1, 19, 129 * 257}, {1024, 196, 1}} {
		size := c.outer * c.n * c.inner
		src, dst := eighths(rand.New(rand.NewPCG(1, 1)), size), make([]float32, size)
		b.Run(fmt.Sprintf("%dx%dx%d", c.outer, c.n, c.inner), func(b *testing.B) {
			b.SetBytes(int64(4 * size))
			for b.Loop() {
				Softmax(p, dst, src, c.outer, c.n, c.inner, false)
			}
		})
	}
}

func BenchmarkReduceMean(b *testing.B) {
	p := NewPool(1)
	shape := []int{256, 65 * 129}
	src := eighths(rand.New(rand.NewPCG(1, 1)), shape[0]*shape[1])
	for _, c := range []struct {
		name    string
		reduced []bool
		n       int
	}{{"rows/256x8385", []bool{false, true}, shape[0]}, {"columns/256x8385", []bool{true, false}, shape[1]}} {
		dst, axes := make([]float32, c.n), MergeAxes(shape, c.reduced)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(4 * len(src)))
			for b.Loop() {
				ReduceMean[float64](p, dst, src, axes)
			}
		})
	}
}
