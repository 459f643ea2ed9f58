package train

import (
	"math/rand/v2"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/internal/kernel"
)

// publishedNetwork is the published architecture with few filters.
func publishedNetwork[T kernel.Float](t testing.TB, filters, classes int, o NetworkOptions) *Network[T] {
	t.Helper()
	m, err := compile.Compile(decode.Published(), compile.Options{Filters: filters, Classes: classes, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	n, err := NewNetwork[T](m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// noise is a batch of random images and labels.
func noise[T kernel.Float](o NetworkOptions, classes int, seed uint64) ([]T, []uint8) {
	r := rand.New(rand.NewPCG(seed, 0))
	image, labels := make([]T, 3*o.Batch*o.Height*o.Width), make([]uint8, o.Batch*o.Height*o.Width)
	for i := range image {
		image[i] = T(r.IntN(256))
	}
	for i := range labels {
		labels[i] = uint8(r.IntN(classes))
	}
	return image, labels
}

func TestStepLearns(t *testing.T) {
	o := NetworkOptions{Batch: 2, Height: 65, Width: 65, BNDecay: 0.9, Ignore: 255, DropPath: 0.95, Dropout: 0.1}
	n := publishedNetwork[float32](t, 4, 5, o)
	image, labels := noise[float32](o, 5, 1)
	for i := range labels {
		labels[i] = uint8(i / 65 % 65 / 13) // bands
	}
	first, last := 0.0, 0.0
	for i := range 20 {
		loss, err := n.Step(image, labels, Random{Seed: 1, Step: i, Steps: 20})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = loss
		}
		last = loss
		for _, p := range n.Parameters() {
			for j, g := range p.Gradient {
				p.Value[j] -= 0.1 * g
			}
			clear(p.Gradient)
		}
	}
	t.Logf("loss %.3f → %.3f, %d parameters, %d bytes", first, last, len(n.Parameters()), n.Memory())
	if !(last < 0.8*first) {
		t.Errorf("loss went from %v to %v", first, last)
	}
}
