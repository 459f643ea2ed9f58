package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// swap turns [a][b][size] into [b][a][size].
func swap(x []float32, a, b int) []float32 {
	size, y := len(x)/(a*b), make([]float32, len(x))
	for i := range a {
		for j := range b {
			copy(y[(j*a+i)*size:][:size], x[(i*b+j)*size:][:size])
		}
	}
	return y
}

// turn makes the weights [In, Out, …] turned by half a turn of [Out, In, …].
func turn(w []float32, out, in int) []float32 {
	w = swap(w, out, in)
	taps := len(w) / (out * in)
	for at := 0; at < len(w); at += taps {
		for i := range taps / 2 {
			w[at+i], w[at+taps-1-i] = w[at+taps-1-i], w[at+i]
		}
	}
	return w
}

func TestTrainedConv(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	tried := 0
	for range 60 {
		c := randomWinograd(r)
		src, weights := randomFloats(r, c.s.Batch*c.p.In*product(c.s.In)), randomFloats(r, c.p.Out*c.p.In*c.p.Taps())
		want := make([]float32, c.s.Batch*c.p.Out*product(c.s.Out))
		ConvRef(want, src, weights, nil, c.p, c.s)
		for _, mk := range microKernels() {
			var one []float32
			for _, pool := range pools {
				tc := newTrainedConv(mk, c.p, c.s, pool.Threads())
				if tc == nil {
					continue
				}
				tried++
				for _, turned := range []bool{false, true} {
					w := weights
					if turned {
						w = turn(weights, c.p.Out, c.p.In)
					}
					got := make([]float32, len(want))
					tc.Run(pool, make([]float32, tc.FilterLen()), make([]float32, tc.Scratch()), got, swap(src, c.s.Batch, c.p.In), w, turned)
					got = swap(got, c.p.Out, c.s.Batch)
					for i, v := range got {
						if math.Abs(float64(v-want[i])) > 1e-3*math.Sqrt(float64(c.p.In*c.p.Taps())) {
							t.Fatalf("%s, %+v %+v, turned %t: element %d is %v, want %v", mk.name, c.p, c.s, turned, i, v, want[i])
						}
					}
					if one == nil {
						one = got
					}
					for i, v := range got {
						if math.Float32bits(v) != math.Float32bits(one[i]) {
							t.Fatalf("%s, %+v %+v: element %d depends on threads or on how the weights lie", mk.name, c.p, c.s, i)
						}
					}
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d runs", tried)
	}
}

// TestTrainedConvWeightGrad holds the weights' gradient to the sum that it stands for.
func TestTrainedConvWeightGrad(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	tried := 0
	for range 60 {
		c := randomWinograd(r)
		outs := product(c.s.Out)
		src, dy := randomFloats(r, c.s.Batch*c.p.In*product(c.s.In)), randomFloats(r, c.s.Batch*c.p.Out*outs)
		want := weightGradRef(c, src, dy)
		for _, mk := range microKernels() {
			var one []float32
			for _, pool := range pools {
				tc := newTrainedConv(mk, c.p, c.s, pool.Threads())
				if tc == nil {
					continue
				}
				tried++
				products := make([]*Products[float32], pool.Threads())
				for i := range products {
					products[i] = new(Products[float32])
				}
				got := make([]float32, len(want))
				for i := range got {
					got[i] = 1
				}
				tc.WeightGrad(pool, products, make([]float32, tc.FilterLen()), make([]float32, tc.GradScratch()), got, swap(src, c.s.Batch, c.p.In), swap(dy, c.s.Batch, c.p.Out))
				for i, v := range got {
					if math.Abs(float64(v)-1-want[i]) > 2e-3*math.Sqrt(float64(c.s.Batch*outs)) {
						t.Fatalf("%s, %+v %+v: element %d is %v, want %v", mk.name, c.p, c.s, i, v-1, want[i])
					}
				}
				if one == nil {
					one = got
				}
				for i, v := range got {
					if math.Float32bits(v) != math.Float32bits(one[i]) {
						t.Fatalf("%s, %+v %+v: element %d depends on threads", mk.name, c.p, c.s, i)
					}
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d runs", tried)
	}
}

func weightGradRef(c convCase, src, dy []float32) []float64 {
	dw := make([]float64, c.p.Out*c.p.In*c.p.Taps())
	h, w, oh, ow := c.s.In[0], c.s.In[1], c.s.Out[0], c.s.Out[1]
	for n := range c.s.Batch {
		for m := range c.p.Out {
			for i := range c.p.In {
				for t := range c.p.Taps() {
					sum := 0.0
					for y := range oh {
						for x := range ow {
							sy, sx := y+t/c.p.Kernel[1]*c.p.Dilations[0]-c.s.Pad[0], x+t%c.p.Kernel[1]*c.p.Dilations[1]-c.s.Pad[1]
							if sy >= 0 && sy < h && sx >= 0 && sx < w {
								sum += float64(dy[((n*c.p.Out+m)*oh+y)*ow+x]) * float64(src[((n*c.p.In+i)*h+sy)*w+sx])
							}
						}
					}
					dw[(m*c.p.In+i)*c.p.Taps()+t] += sum
				}
			}
		}
	}
	return dw
}
