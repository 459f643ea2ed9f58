package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestConvTransposeAgainstRef(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 60 {
		c := randomConv(r, 1+i%3)
		for a := range c.s.In {
			// Sizes of randomConv suit the forward direction; draw the output anew, sometimes beyond the last tap.
			c.s.In[a] = 1 + c.s.In[a]/2
			full := (c.s.In[a]-1)*c.p.Strides[a] + (c.p.Kernel[a]-1)*c.p.Dilations[a] + 1
			c.s.Pad[a] = r.IntN(min(full, 8))
			c.s.Out[a] = max(full-c.s.Pad[a]-r.IntN(4)+r.IntN(5), 1)
		}
		src, weights, bias := randomFloats(r, c.s.Batch*c.p.In*product(c.s.In)), randomFloats(r, c.p.In*c.p.Out/c.p.Groups*c.p.Taps()), randomFloats(r, c.p.Out)
		want := make([]float32, c.s.Batch*c.p.Out*product(c.s.Out))
		ConvTransposeRef(want, src, weights, bias, c.p, c.s)
		for _, mk := range microKernels() {
			conv, err := newConvTransposeFor(mk, c.p, weights, NoClamp(bias))
			if err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			var one []float32
			for _, pool := range pools {
				got := make([]float32, len(want))
				for i := range got {
					got[i] = float32(math.NaN())
				}
				if err := conv.Run(pool, make([]float32, conv.Scratch(pool, c.s)), got, src, c.s); err != nil {
					t.Fatalf("%v: %v", c, err)
				}
				if one == nil {
					one = got
					compare(t, fmt.Sprintf("%v, %s", c, mk.name), got, want, c.p.In/c.p.Groups*c.p.Taps())
				}
				same(t, fmt.Sprintf("%v, %s, %d threads", c, mk.name, pool.Threads()), got, one)
			}
		}
	}
}
