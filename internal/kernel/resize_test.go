package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

var everyCoordinates = []Coordinates{HalfPixel, HalfPixelSymmetric, PytorchHalfPixel, AlignCorners, Asymmetric, CropAndResize, HalfPixelForNearest}

// randomSpan is an axis of length n that is resized somehow.
func randomSpan(r *rand.Rand, n int) Span {
	out := 1 + r.IntN(2*n+3)
	return Span{In: n, Out: out, Scale: float64(out) / float64(n), Length: float64(out), Start: r.Float64()*1.5 - 0.5, End: r.Float64()*1.5 - 0.25}
}

func TestResize(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for i := range 600 {
		s := Sampling{
			Interpolation: Interpolation(i % 3), Coordinates: everyCoordinates[r.IntN(7)], Rounding: Rounding(r.IntN(5)), CubicA: -0.75,
			ExcludeOutside: i%3 > 0 && r.IntN(3) == 0, Antialias: i%3 > 0 && r.IntN(3) == 0,
		}
		var in []int
		var taps []*Taps[float32]
		size, results := 1, 1
		for range 1 + r.IntN(4) {
			n := 1 + r.IntN(6)
			in = append(in, n)
			size *= n
			if r.IntN(3) == 0 {
				taps = append(taps, nil)
				results *= n
				continue
			}
			a := randomSpan(r, n)
			taps = append(taps, NewTaps[float32](a, s))
			results *= a.Out
		}
		src := eighths(r, size)
		want := make([]float32, results)
		ResizeRef(want, src, in, taps, 99)
		got := threadsAgree(t, results, func(p *Pool, dst []float32) {
			if s.Interpolation == Nearest {
				ResizeNearest(p, dst, src, in, taps, 99)
			} else {
				Resize(p, dst, src, in, taps, 99)
			}
		})
		checkNear(t, got, want, 3e-6)
	}
}

// TestTaps checks what holds for every method: indices on the source, weights that add up to 1, and what is resized to
// its own size unchanged.
func TestTaps(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for i := range 2000 {
		s := Sampling{
			Interpolation: Interpolation(i % 3), Coordinates: everyCoordinates[r.IntN(7)], Rounding: Rounding(r.IntN(5)), CubicA: -0.5,
			ExcludeOutside: r.IntN(2) == 0, Antialias: r.IntN(2) == 0,
		}
		a := randomSpan(r, 1+r.IntN(50))
		taps := NewTaps[float64](a, s)
		for o := range a.Out {
			sum := 0.0
			for k := range taps.Width {
				if at := taps.Index[o*taps.Width+k]; at < 0 || int(at) >= a.In {
					t.Fatalf("%+v %+v: position %d takes %d", s, a, o, at)
				}
				if taps.Weight != nil {
					sum += taps.Weight[o*taps.Width+k]
				}
			}
			if taps.Weight != nil && !taps.outside(o) && (sum < 1-1e-9 || sum > 1+1e-9) {
				t.Fatalf("%+v %+v: the weights of position %d add up to %v", s, a, o, sum)
			}
		}
	}
	for _, c := range []Coordinates{HalfPixel, HalfPixelSymmetric, PytorchHalfPixel, AlignCorners, Asymmetric, CropAndResize} {
		for method := range 3 {
			taps := NewTaps[float32](Span{In: 7, Out: 7, Scale: 1, Length: 7, End: 1}, Sampling{Interpolation: Interpolation(method), Coordinates: c})
			x, y := []float32{3, 1, 4, 1, 5, 9, 2}, make([]float32, 7)
			if method == int(Nearest) {
				ResizeNearest(NewPool(1), y, x, []int{7}, []*Taps[float32]{taps}, 0)
			} else {
				Resize(NewPool(1), y, x, []int{7}, []*Taps[float32]{taps}, 0)
			}
			checkNear(t, y, x, 0)
		}
	}
}

// TestAlignCornersByHand has values that anyone can check: 3 positions stretched to 5 fall on halves.
func TestAlignCornersByHand(t *testing.T) {
	taps := NewTaps[float32](Span{In: 3, Out: 5, Scale: 5.0 / 3, Length: 5, End: 1}, Sampling{Interpolation: Linear, Coordinates: AlignCorners})
	got := make([]float32, 25)
	Resize(NewPool(1), got, []float32{0, 2, 4, 6, 8, 10, 12, 14, 16}, []int{3, 3}, []*Taps[float32]{taps, taps}, 0)
	checkNear(t, got, []float32{0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6, 7, 8, 9, 10, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16}, 0)
}

// TestResizeLines compares the lines that assembly makes with those of Go, bit for bit, where vectors fit and where not.
func TestResizeLines(t *testing.T) {
	onEveryMachine(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(29, 30))
		fits := 0
		for range 400 {
			a := randomSpan(r, 1+r.IntN(60))
			if r.IntN(2) == 0 {
				a.Out = a.In + r.IntN(5*a.In)
				a.Scale, a.Length = float64(a.Out)/float64(a.In), float64(a.Out)
			}
			taps := NewTaps[float32](a, Sampling{Interpolation: Linear, Coordinates: everyCoordinates[r.IntN(7)]})
			src := make([]float32, a.In)
			for i := range src {
				src[i] = float32(r.NormFloat64())
			}
			got := make([]float32, a.Out)
			taps.line(got, src)
			for o, v := range got {
				i, w := taps.Index[2*o:][:2], taps.Weight[2*o:][:2]
				want := src[i[0]] * (w[0] + w[1])
				if i[0] != i[1] {
					want = float32(src[i[0]]*w[0]) + float32(src[i[1]]*w[1])
				}
				if v != want {
					t.Fatalf("%+v: element %d is %v, want %v", a, o, v, want)
				}
			}
			if taps.pairs != nil && taps.pairs.lanes > 0 {
				fits++
			}
		}
		if rowFast != nil && fits < 100 {
			t.Errorf("only %d of 400 axes used the assembly", fits)
		}
	})
}

func BenchmarkResize(b *testing.B) {
	for _, c := range []struct {
		name                   string
		method                 Interpolation
		planes, inH, inW, h, w int
	}{
		{"linear", Linear, 40, 65, 129, 129, 257}, {"linear", Linear, 19, 129, 129, 513, 513}, {"linear", Linear, 80, 65, 129, 33, 65},
		{"cubic", Cubic, 3, 128, 128, 256, 256}, {"nearest", Nearest, 40, 65, 129, 129, 257},
	} {
		b.Run(fmt.Sprintf("%s/c%d/%dx%d-%dx%d", c.name, c.planes, c.inH, c.inW, c.h, c.w), func(b *testing.B) {
			s := Sampling{Interpolation: c.method, Coordinates: AlignCorners, CubicA: -0.75}
			axis := func(n, m int) *Taps[float32] {
				return NewTaps[float32](Span{In: n, Out: m, Scale: float64(m) / float64(n), Length: float64(m), End: 1}, s)
			}
			in, taps := []int{1, c.planes, c.inH, c.inW}, []*Taps[float32]{nil, nil, axis(c.inH, c.h), axis(c.inW, c.w)}
			src, dst := eighths(rand.New(rand.NewPCG(1, 1)), c.planes*c.inH*c.inW), make([]float32, c.planes*c.h*c.w)
			p := NewPool(1)
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				if c.method == Nearest {
					ResizeNearest(p, dst, src, in, taps, 0)
				} else {
					Resize(p, dst, src, in, taps, 0)
				}
			}
		})
	}
}
