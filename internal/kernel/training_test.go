package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachTrainSet runs a test with every assembly that this machine has, and with none.
func eachTrainSet(t *testing.T, test func(t *testing.T)) {
	old := trainFast
	defer func() { trainFast = old }()
	for _, set := range append(slices.Clone(trainSets), nil) {
		name := "go"
		if trainFast = set; set != nil {
			name = set.name
		}
		t.Run(name, test)
	}
}

func randomRow(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// paddedImages is a batch of one channel's images laid out the plain way, with pad zeros (or other values) on all sides.
type paddedImages struct {
	b     Border
	dense []float32
	outer float32
}

func (p paddedImages) at(n, y, x int) float32 {
	if y < 0 || y >= p.b.H || x < 0 || x >= p.b.W {
		return p.outer
	}
	return p.dense[(n*p.b.H+y)*p.b.W+x]
}

func newPadded(r *rand.Rand, outer float32) (paddedImages, []float32) {
	b := Border{N: 1 + r.IntN(3), H: 1 + r.IntN(9), W: 1 + r.IntN(20), Pad: 1 + r.IntN(4)}
	p := paddedImages{b, randomRow(r, b.N*b.H*b.W), outer}
	run := make([]float32, b.Len())
	for i := range run {
		run[i] = outer
	}
	Expand(b, run, p.dense)
	return p, run
}

// each calls body for every pixel, with its place in dense images.
func (p paddedImages) each(body func(i, n, y, x int)) {
	for i := range p.dense {
		body(i, i/(p.b.H*p.b.W), i/p.b.W%p.b.H, i%p.b.W)
	}
}

// TestBorder holds that a bordered run is a padded array: every pixel within Pad of another is found at its offset.
func TestBorder(t *testing.T) {
	eachTrainSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			p, run := newPadded(r, 0)
			b := p.b
			dy, dx := r.IntN(2*b.Pad+1)-b.Pad, r.IntN(2*b.Pad+1)-b.Pad
			got, sum := make([]float32, len(p.dense)), slices.Repeat([]float32{1}, len(p.dense))
			Compress(b, got, run, b.Offset(dy, dx))
			CompressAdd(b, sum, run, b.Offset(dy, dx))
			p.each(func(i, n, y, x int) {
				if want := p.at(n, y+dy, x+dx); got[i] != want || sum[i] != 1+want {
					t.Fatalf("%+v, offset (%d, %d), pixel %d: %v and %v, want %v", b, dy, dx, i, got[i], sum[i], want)
				}
			})

			// ExpandAdd is Compress's adjoint: <Compress(u), v> = <u, ExpandAdd(v)>.
			u, v := randomRow(r, b.Len()), randomRow(r, len(p.dense))
			back := make([]float32, b.Len())
			ExpandAdd(b, back, v, b.Offset(dy, dx))
			Compress(b, got, u, b.Offset(dy, dx))
			if a, c := Dot(got, v), Dot(u, back); math.Abs(a-c) > 1e-4 {
				t.Fatalf("%+v: <Cu, v> = %v, <u, Ev> = %v", b, a, c)
			}
		}
	})
}

func TestShifts(t *testing.T) {
	eachTrainSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			p, run := newPadded(r, 0)
			b := p.b
			var offsets []int
			var ys, xs []int
			for range 1 + r.IntN(27) {
				y, x := r.IntN(2*b.Pad+1)-b.Pad, r.IntN(2*b.Pad+1)-b.Pad
				offsets, ys, xs = append(offsets, b.Offset(y, x)), append(ys, y), append(xs, x)
			}
			weights := randomRow(r, len(offsets))
			out, dense := make([]float32, b.Len()), make([]float32, len(p.dense))
			ShiftSum(out[b.First():][:b.Span()], run, b.First(), offsets, weights)
			Compress(b, dense, out, 0)
			p.each(func(i, n, y, x int) {
				want, size := 0.0, 0.0
				for k, w := range weights {
					v := float64(w) * float64(p.at(n, y+ys[k], x+xs[k]))
					want, size = want+v, size+math.Abs(v)
				}
				if math.Abs(float64(dense[i])-want) > 1e-5*(size+1) {
					t.Fatalf("ShiftSum, %+v, %d taps, pixel %d: %v, want %v", b, len(offsets), i, dense[i], want)
				}
			})

			dy := make([]float32, b.Len())
			grad := randomRow(r, len(p.dense))
			Expand(b, dy, grad)
			dots := slices.Repeat([]float32{0.5}, len(offsets))
			ShiftDots(dots, dy[b.First():][:b.Span()], run, b.First(), offsets)
			for k := range offsets {
				want, size := 0.5, 0.5
				p.each(func(i, n, y, x int) {
					v := float64(grad[i]) * float64(p.at(n, y+ys[k], x+xs[k]))
					want, size = want+v, size+math.Abs(v)
				})
				if math.Abs(float64(dots[k])-want) > 1e-6*size {
					t.Fatalf("ShiftDots, %+v, tap %d of %d: %v, want %v", b, k, len(offsets), dots[k], want)
				}
			}
		}
	})
}

// TestShiftMax compares maxima, where they came from and their gradient with a loop over a padded array. Values repeat,
// so that the rule for equal ones counts.
func TestShiftMax(t *testing.T) {
	eachTrainSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		least := float32(math.Inf(-1))
		for range 200 {
			p, run := newPadded(r, least)
			for i := range p.dense {
				p.dense[i] = float32(r.IntN(4))
			}
			b := p.b
			Expand(b, run, p.dense)
			var offsets []int
			for y := -1; y <= 1; y++ {
				for x := -1; x <= 1; x++ {
					offsets = append(offsets, b.Offset(y, x))
				}
			}
			first, span := b.First(), b.Span()
			out, which, dense := make([]float32, b.Len()), make([]uint8, span), make([]float32, len(p.dense))
			ShiftMax(out[first:][:span], which, run, first, offsets)
			Compress(b, dense, out, 0)
			grad := randomRow(r, len(p.dense))
			dy, dx := make([]float32, b.Len()), make([]float32, b.Len())
			Expand(b, dy, grad)
			ShiftMaxGrad(dx, first, dy[first:][:span], which, offsets)
			want := make([]float64, len(p.dense))
			p.each(func(i, n, y, x int) {
				best, from := least, 0
				for k := range 9 {
					if v := p.at(n, y+k/3-1, x+k%3-1); v > best {
						best, from = v, ((n*b.H+y+k/3-1)*b.W + x + k%3 - 1)
					}
				}
				if dense[i] != best {
					t.Fatalf("%+v, pixel %d: %v, want %v", b, i, dense[i], best)
				}
				want[from] += float64(grad[i])
			})
			// Every element is due its shares in the order of the taps.
			plain := make([]float32, b.Len())
			for k, offset := range offsets {
				for i, w := range which {
					if int(w) == k {
						plain[first+i+offset] += dy[first+i]
					}
				}
			}
			if !slices.Equal(dx, plain) {
				t.Fatalf("%+v: the order of summation is another than a plain loop's", b)
			}
			Compress(b, dense, dx, 0)
			for i, v := range want {
				if math.Abs(float64(dense[i])-v) > 1e-5 {
					t.Fatalf("%+v, gradient of pixel %d: %v, want %v", b, i, dense[i], v)
				}
			}
		}
	})
}

// TestShiftMaxNaN holds that a NaN is the maximum, and where the first one came from; and that nothing is written behind
// the end.
func TestShiftMaxNaN(t *testing.T) {
	eachTrainSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		nan := float32(math.NaN())
		for n := 1; n < 150; n++ {
			src, offsets := randomRow(r, n+20), []int{0, 3, -5, 11, 3}
			for range n / 4 {
				src[r.IntN(len(src))] = nan
			}
			dst, which := make([]float32, n+1), make([]uint8, n+1)
			dst[n], which[n] = 77, 77
			ShiftMax(dst[:n], which[:n], src, 5, offsets)
			want, from := make([]float32, n), make([]uint8, n)
			shiftMaxGo(want, from, src, 5, offsets)
			sameFloats(t, fmt.Sprint(n, " elements"), dst[:n], want)
			if !slices.Equal(which[:n], from) || dst[n] != 77 || which[n] != 77 {
				t.Fatalf("%d elements: %v, want %v; behind the end %v and %d", n, which[:n], from, dst[n], which[n])
			}
			for i, t0 := range which[:n] {
				for k, offset := range offsets {
					if v := src[5+i+offset]; v != v && int(t0) > k || want[i] == want[i] && v > want[i] {
						t.Fatalf("%d elements: element %d is %v of tap %d, but tap %d is %v", n, i, want[i], t0, k, v)
					}
				}
			}
		}
	})
}

// TestLongSums holds that sums in float32 of as many elements as a large batch of images has keep six digits.
func TestLongSums(t *testing.T) {
	eachTrainSet(t, func(t *testing.T) {
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 15))
			x, y := make([]float32, 20000), make([]float32, 20000)
			want := 0.0
			for i := range x {
				x[i], y[i] = r.Float32(), r.Float32()
				want += float64(x[i]) * float64(y[i])
			}
			var dot [1]float32
			ShiftDots(dot[:], x, y, 0, []int{0})
			for name, got := range map[string]float64{"ShiftDots": float64(dot[0]), "Dot": Dot(x, y)} {
				if math.Abs(got/want-1) > 1e-6 {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		}
	})
}

// TestRowMath compares every function of rowmath.go with its formula in float64, for all lengths around a vector's.
func TestRowMath(t *testing.T) {
	eachTrainSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for n := range 70 {
			x, y, dst := randomRow(r, n), randomRow(r, n), randomRow(r, n)
			a, b, c := float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64())
			old := slices.Clone(dst)
			for _, f := range []struct {
				name string
				do   func()
				want func(i int) float64
			}{
				{"Axpy", func() { Axpy(dst, a, x) }, func(i int) float64 { return float64(old[i]) + float64(a)*float64(x[i]) }},
				{"ScaleTo", func() { ScaleTo(dst, a, x) }, func(i int) float64 { return float64(a) * float64(x[i]) }},
				{"Normalise", func() { Normalise(dst, x, a, b) }, func(i int) float64 { return (float64(x[i]) - float64(a)) * float64(b) }},
				{"NormaliseRelu", func() { NormaliseRelu(dst, x, a, b) }, func(i int) float64 { return max((float64(x[i])-float64(a))*float64(b), 0) }},
				{"LinearTo", func() { LinearTo(dst, a, x, b, y, c) }, func(i int) float64 {
					return float64(a)*float64(x[i]) + float64(b)*float64(y[i]) + float64(c)
				}},
				{"LinearTo in place", func() { LinearTo(dst, a, x, b, dst, c) }, func(i int) float64 {
					return float64(a)*float64(x[i]) + float64(b)*float64(old[i]) + float64(c)
				}},
				{"Relu", func() { Relu(dst, x) }, func(i int) float64 { return max(float64(x[i]), 0) }},
				{"ReluGrad", func() { ReluGrad(dst, y, x) }, func(i int) float64 {
					if x[i] > 0 {
						return float64(y[i])
					}
					return 0
				}},
				{"MulTo", func() { MulTo(dst, x) }, func(i int) float64 { return float64(old[i]) * float64(x[i]) }},
				{"AddTo", func() { AddTo(dst, x) }, func(i int) float64 { return float64(old[i]) + float64(x[i]) }},
			} {
				copy(dst, old)
				f.do()
				for i, v := range dst {
					if want := f.want(i); math.Abs(float64(v)-want) > 2e-6*(1+math.Abs(want)) {
						t.Fatalf("%s, %d elements: element %d is %v, want %v", f.name, n, i, v, want)
					}
				}
			}
			var sum, dot, squares float64
			for i, v := range x {
				sum, dot = sum+float64(v), dot+float64(v)*float64(y[i])
				squares += (float64(v) - float64(a)) * (float64(v) - float64(a))
			}
			s, d := SumDot(x, y)
			for name, pair := range map[string][2]float64{"Sum": {Sum(x), sum}, "Dot": {Dot(x, y), dot}, "SumDot's sum": {s, sum}, "SumDot's dot": {d, dot}, "CentredSquares": {CentredSquares(x, float64(a)), squares}} {
				if math.Abs(pair[0]-pair[1]) > 1e-12*float64(n+1) {
					t.Errorf("%s of %d elements: %v, want %v", name, n, pair[0], pair[1])
				}
			}
		}
		nan := []float32{float32(math.NaN()), -1, 1}
		Relu(nan, nan)
		if nan[0] == nan[0] || nan[1] != 0 || nan[2] != 1 {
			t.Errorf("Relu gives %v", nan)
		}
	})
}

// TestTrainingKernelsAllocate holds that nothing is allocated for each row.
func TestTrainingKernelsAllocate(t *testing.T) {
	b := Border{N: 2, H: 9, W: 9, Pad: 2}
	run, dense, out := make([]float32, b.Len()), make([]float32, 2*81), make([]float32, b.Span())
	offsets, weights := make([]int, 25), make([]float32, 25)
	if n := testing.AllocsPerRun(100, func() {
		Expand(b, run, dense)
		ShiftSum(out, run, b.First(), offsets, weights)
		ShiftDots(weights, out, run, b.First(), offsets)
		Dot(dense, dense)
		SumDot(dense, dense)
		Sum(dense)
		CentredSquares(dense, 1)
	}); n >= 1 && !raceDetector {
		t.Errorf("%v allocations", n)
	}
}

// TestResizeGradIsAdjoint holds that <Resize(x), y> = <x, ResizeGrad(y)>, which makes it the gradient of a linear map.
func TestResizeGradIsAdjoint(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 50 {
		planes, h, w, toH, toW := 1+r.IntN(4), 1+r.IntN(9), 1+r.IntN(9), 1+r.IntN(20), 1+r.IntN(20)
		taps := []*Taps[float64]{nil}
		for _, s := range [][2]int{{h, toH}, {w, toW}} {
			taps = append(taps, NewTaps[float64](Span{In: s[0], Out: s[1], Scale: float64(s[1]) / float64(s[0]), Length: float64(s[1])}, Sampling{Interpolation: Linear, Coordinates: AlignCorners}))
		}
		x, y := make([]float64, planes*h*w), make([]float64, planes*toH*toW)
		for _, s := range [][]float64{x, y} {
			for i := range s {
				s[i] = r.NormFloat64()
			}
		}
		forward := make([]float64, len(y))
		var backward [2][]float64
		for i, threads := range []int{1, 4} {
			pool := NewPool(threads)
			Resize(pool, forward, x, []int{planes, h, w}, taps, 0)
			backward[i] = make([]float64, len(x))
			ResizeGrad(pool, nil, backward[i], y, []int{planes, h, w}, taps)
			pool.Close()
		}
		if a, b := Dot(forward, y), Dot(x, backward[0]); math.Abs(a-b) > 1e-9 {
			t.Fatalf("%d×%d → %d×%d: <Rx, y> = %v, <x, Gy> = %v", h, w, toH, toW, a, b)
		}
		if !slices.Equal(backward[0], backward[1]) {
			t.Fatal("the result depends on the number of threads")
		}
	}
}

func TestCrossEntropy(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	r := rand.New(rand.NewPCG(11, 12))
	const classes, pixels, ignore = 4, 3000, 255
	logits, labels := make([]float64, classes*pixels), make([]uint8, pixels)
	for i := range logits {
		logits[i] = 10 * r.NormFloat64()
	}
	want, counted := 0.0, 0
	for i := range labels {
		if labels[i] = uint8(r.IntN(classes)); i%7 == 0 {
			labels[i] = ignore
			continue
		}
		greatest, sum := math.Inf(-1), 0.0
		for c := range classes {
			greatest = max(greatest, logits[c*pixels+i])
		}
		for c := range classes {
			sum += math.Exp(logits[c*pixels+i] - greatest)
		}
		want += greatest + math.Log(sum) - logits[int(labels[i])*pixels+i]
		counted++
	}
	loss, count, err := CrossEntropy(pool, logits, labels, classes, pixels, ignore)
	if err != nil || count != counted || math.Abs(loss-want/float64(counted)) > 1e-9 {
		t.Fatalf("loss %v over %d pixels, %v; want %v over %d", loss, count, err, want/float64(counted), counted)
	}
	grad := make([]float64, len(logits))
	CrossEntropyGrad(pool, grad, logits, labels, classes, pixels, ignore, 2, count)
	for _, i := range []int{0, 1, 2999, 3000, 7*pixels/4 + 1, len(logits) - 1} {
		const eps = 1e-6
		old := logits[i]
		logits[i] = old + eps
		above, _, _ := CrossEntropy(pool, logits, labels, classes, pixels, ignore)
		logits[i] = old - eps
		below, _, _ := CrossEntropy(pool, logits, labels, classes, pixels, ignore)
		logits[i] = old
		if want := 2 * (above - below) / (2 * eps); math.Abs(grad[i]-want) > 1e-8 {
			t.Errorf("gradient of logit %d: %v, want %v", i, grad[i], want)
		}
	}
	one := NewPool(1)
	defer one.Close()
	if alone, _, _ := CrossEntropy(one, logits, labels, classes, pixels, ignore); alone != loss {
		t.Errorf("one thread gives %v, three %v", alone, loss)
	}
	labels[1234], labels[2900] = classes, 99
	_, _, err = CrossEntropy(pool, logits, labels, classes, pixels, ignore)
	if want := "label 4 at pixel 1234: want one below 4, the number of classes, or 255, which is ignored"; err == nil || err.Error() != want {
		t.Errorf("a label that is no class: %v, want %s", err, want)
	}
	for i := range labels {
		labels[i] = ignore
	}
	if loss, count, err := CrossEntropy(pool, logits, labels, classes, pixels, ignore); loss != 0 || count != 0 || err != nil {
		t.Errorf("no pixel counts: loss %v over %d, %v", loss, count, err)
	}
	CrossEntropyGrad(pool, grad, logits, labels, classes, pixels, ignore, 2, 0)
	for i, v := range grad {
		if v != 0 {
			t.Fatalf("no pixel counts: gradient of logit %d is %v", i, v)
		}
	}
}
