package kernel

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// threadsAgree runs f with pools of 1, 2 and 3 threads and checks that it writes the same bits each time. It returns
// what f wrote, of n elements.
func threadsAgree[T comparable](t *testing.T, n int, f func(p *Pool, dst []T)) []T {
	t.Helper()
	var first []T
	for threads := 1; threads <= 3; threads++ {
		p := NewPool(threads)
		dst := make([]T, n)
		f(p, dst)
		p.Close()
		if first == nil {
			first = dst
			continue
		}
		if !bytes.Equal(bytesOf(dst), bytesOf(first)) {
			t.Fatalf("%d threads do not write the same bits as 1", threads)
		}
	}
	return first
}

func bytesOf[T any](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// eighths makes n random multiples of 1/8 in [−16, 16): few enough for ties, and exact in sums.
func eighths(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.IntN(256)-128) / 8
	}
	return x
}

// checkNear checks every element against its oracle, NaN for NaN.
func checkNear[A, B Floating](t *testing.T, got []A, want []B, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d elements, want %d", len(got), len(want))
	}
	for i := range got {
		a, b := float64(got[i]), float64(want[i])
		if a != b && !(a != a && b != b) && !(math.Abs(a-b) <= tolerance*(1+math.Abs(b))) {
			t.Fatalf("element %d is %v, want %v", i, a, b)
		}
	}
}

// randomPool makes a window that fits a source somehow.
func randomPool(r *rand.Rand) *PoolShape {
	s := &PoolShape{Planes: 1 + r.IntN(3)}
	for i := range s.Axes {
		a := PoolAxis{In: 1 + r.IntN(9), Kernel: 1 + r.IntN(4), Stride: 1 + r.IntN(3), Dilation: 1 + r.IntN(3), Begin: r.IntN(4), End: r.IntN(4)}
		room := a.In + a.Begin + a.End - (a.Kernel-1)*a.Dilation - 1
		if i == 0 && r.IntN(2) == 0 || room < 0 {
			s.Axes[i] = WholeAxis
			continue
		}
		a.Out = room/a.Stride + 1
		if a.Out*a.Stride < a.In+a.Begin && r.IntN(2) == 0 {
			a.Out++ // ceil_mode: the last window hangs over
		}
		s.Axes[i] = a
	}
	return s
}

func TestMaxPool(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		s := randomPool(r)
		src := eighths(r, s.Planes*s.Source())
		if r.IntN(4) == 0 {
			src[r.IntN(len(src))] = float32(math.NaN())
		}
		want := make([]float32, s.Planes*s.Size())
		p := NewPool(1)
		MaxPoolRef(p, want, src, nil, s, float32(math.Inf(-1)), false)
		got := threadsAgree(t, len(want), func(p *Pool, dst []float32) {
			MaxPool(p, dst, src, s, make([]float32, PoolScratch(p, s)))
		})
		for i := range got {
			if got[i] != want[i] && !(got[i] != got[i] && want[i] != want[i]) {
				t.Fatalf("%+v: element %d is %v, want %v", s, i, got[i], want[i])
			}
		}
	}
}

// TestMaxPoolIndices checks that the index of every window leads to its value, in either order of storage.
func TestMaxPoolIndices(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		s := randomPool(r)
		src := eighths(r, s.Planes*s.Source())
		n := s.Planes * s.Size()
		for _, columnMajor := range []bool{false, true} {
			values := make([]float32, n)
			index := threadsAgree(t, n, func(p *Pool, index []int64) {
				MaxPoolRef(p, values, src, index, s, float32(math.Inf(-1)), columnMajor)
			})
			d, h, w := s.Axes[0].In, s.Axes[1].In, s.Axes[2].In
			for i, at := range index {
				if at < 0 {
					if !math.IsInf(float64(values[i]), -1) {
						t.Fatalf("%+v: element %d is %v without an index", s, i, values[i])
					}
					continue
				}
				j := int(at)
				if columnMajor {
					plane, k := j/(d*h*w), j%(d*h*w)
					j = plane*d*h*w + (k%d*h+k/d%h)*w + k/(d*h)
				}
				if src[j] != values[i] {
					t.Fatalf("%+v: element %d is %v, but its index %d leads to %v", s, i, values[i], at, src[j])
				}
			}
		}
	}
}

func TestAveragePool(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		s := randomPool(r)
		src := eighths(r, s.Planes*s.Source())
		for _, includePad := range []bool{false, true} {
			want := make([]float32, s.Planes*s.Size())
			AveragePoolRef(NewPool(1), want, src, s, includePad)
			got := threadsAgree(t, len(want), func(p *Pool, dst []float32) {
				AveragePool(p, dst, src, s, includePad, make([]float32, PoolScratch(p, s)))
			})
			checkNear(t, got, want, 1e-6)
		}
	}
}

// squarePool makes the shape of a 2-D pool with a square window.
func squarePool(planes, height, width, k, stride, pad int) *PoolShape {
	axis := func(n int) PoolAxis {
		return PoolAxis{In: n, Out: (n+2*pad-k)/stride + 1, Kernel: k, Stride: stride, Dilation: 1, Begin: pad, End: pad}
	}
	return &PoolShape{Planes: planes, Axes: [3]PoolAxis{WholeAxis, axis(height), axis(width)}}
}

func BenchmarkMaxPool(b *testing.B) { benchmarkPool(b, MaxPool) }
func BenchmarkAveragePool(b *testing.B) {
	benchmarkPool(b, func(p *Pool, dst, src []float32, s *PoolShape, scratch []float32) {
		AveragePool(p, dst, src, s, false, scratch)
	})
}

func benchmarkPool(b *testing.B, f func(p *Pool, dst, src []float32, s *PoolShape, scratch []float32)) {
	for _, c := range []struct{ planes, height, width, k, stride, pad int }{
		{40, 129, 257, 3, 1, 1}, {64, 257, 513, 3, 2, 1}, {32, 128, 256, 2, 2, 0},
	} {
		s := squarePool(c.planes, c.height, c.width, c.k, c.stride, c.pad)
		b.Run(fmt.Sprintf("%dx%d/s%d/c%d-%dx%d", c.k, c.k, c.stride, c.planes, c.height, c.width), func(b *testing.B) {
			p := NewPool(1)
			src := eighths(rand.New(rand.NewPCG(1, 1)), s.Planes*s.Source())
			dst, scratch := make([]float32, s.Planes*s.Size()), make([]float32, PoolScratch(p, s))
			b.SetBytes(int64(4 * (len(src) + len(dst))))
			for b.Loop() {
				f(p, dst, src, s, scratch)
			}
		})
	}
}

func TestPoolTapsCoverTheWindow(t *testing.T) {
	a := PoolAxis{In: 5, Out: 3, Kernel: 3, Stride: 3, Dilation: 2, Begin: 3, End: 1}
	var got []string
	for o := range a.Out {
		start, k0, k1 := a.taps(o)
		got = append(got, fmt.Sprint(start, k0, k1, a.padded(o)))
	}
	// Windows at −3, 0 and 3: of their taps −3 −1 1, 0 2 4 and 3 5 7, those in [0, 5); those before 6.
	if want := []string{"-3 2 3 3", "0 0 3 3", "3 0 1 2"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}
