package compile

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"autodeeplab/onnx/tensor"
)

// initializer fills a new weight tensor. shape is that of the tensor; for kernels [out, in/groups, height, width].
type initializer func(r *rand.Rand, data []float32, shape []int)

// weights gives the initial contents of the network's tensors: from a file, or from a seed.
type weights struct {
	seed  uint64
	given map[string]*tensor.Tensor // nil for seeded weights
	used  map[string]bool
	err   error // the first tensor that did not fit
	// measuring counts the weights in total and makes none.
	measuring bool
	total     int64
	blank     bool // all are 0: others will take their place
}

// tensor gives the weight of a name. With a seed, its values depend on the seed, the name and the shape alone, so that
// adding a layer elsewhere changes nothing here.
func (w *weights) tensor(name string, init initializer, shape []int) *tensor.Tensor {
	n := int64(1)
	for _, d := range shape { // the bounds on options and architectures keep this, and the total, far from overflowing
		n *= int64(d)
	}
	w.total += n
	if w.measuring {
		return tensor.Of([]float32{}, 0)
	}
	if w.blank {
		return tensor.Of(make([]float32, n), shape...)
	}
	if w.given != nil {
		if t := w.take(name, shape); t != nil {
			return t
		}
	}
	data := make([]float32, n)
	if w.given == nil {
		h := fnv.New64a()
		h.Write([]byte(name))
		init(rand.New(rand.NewPCG(w.seed, h.Sum64())), data, shape)
	}
	return tensor.Of(data, shape...)
}

func (w *weights) take(name string, shape []int) *tensor.Tensor {
	t, ok := w.given[name]
	w.used[name] = true
	switch {
	case w.err != nil:
	case !ok:
		w.err = fmt.Errorf("%w: the weights have no tensor %q, want float%s", ErrWeights, name, tensor.FormatShape(shape))
	case t.DType != tensor.Float32 || !slices.Equal(t.Shape, shape):
		w.err = fmt.Errorf("%w: tensor %q is %s, want float%s", ErrWeights, name, t, tensor.FormatShape(shape))
	default:
		return t
	}
	return nil
}

// finish reports what did not fit: a missing or misshapen tensor, or one that the network has no place for.
func (w *weights) finish() error {
	if w.err != nil || w.given == nil {
		return w.err
	}
	for _, name := range slices.Sorted(maps.Keys(w.given)) {
		if !w.used[name] {
			return fmt.Errorf("%w: the network has no tensor %q", ErrWeights, name)
		}
	}
	return nil
}

func zeros(*rand.Rand, []float32, []int) {}

func ones(_ *rand.Rand, data []float32, _ []int) {
	for i := range data {
		data[i] = 1
	}
}

// scaledUniform is uniform in ±sqrt(1/fan_in): TensorFlow's variance scaling with factor 1/3, mode FAN_IN, uniform
// (the release's slim arguments for the backbone).
func scaledUniform(r *rand.Rand, data []float32, shape []int) {
	uniform(r, data, math.Sqrt(1/float64(shape[1]*shape[2]*shape[3])))
}

// glorotUniform is uniform in ±sqrt(6/(fan_in+fan_out)) (Glorot and Bengio 2010).
func glorotUniform(r *rand.Rand, data []float32, shape []int) {
	area := shape[2] * shape[3]
	uniform(r, data, math.Sqrt(6/float64(area*(shape[0]+shape[1]))))
}

// uniform draws from ±limit. Each value is one correctly rounded product of two float32, so that it is the same on
// every machine.
func uniform(r *rand.Rand, data []float32, limit float64) {
	l := float32(limit)
	for i := range data {
		data[i] = (float32(r.Uint64()>>40)/(1<<23) - 1) * l
	}
}

// logitsDeviation is the σ of the last convolution's kernel (the release's model.py).
const logitsDeviation = 0.01

// truncatedNormal draws from a normal distribution of σ = logitsDeviation, cut at 2σ. It samples by comparing uniform
// numbers only (Karney 2016, "Sampling exactly from the normal distribution", algorithm N), because logarithms and
// exponentials differ in the last bit between machines.
func truncatedNormal(r *rand.Rand, data []float32, _ []int) {
	for i := range data {
		x := float32(standardNormal(r))
		for x < -2 || x > 2 {
			x = float32(standardNormal(r))
		}
		data[i] = x * float32(logitsDeviation)
	}
}

func standardNormal(r *rand.Rand) float64 {
	for {
		k := 0 // the integer part, with probability proportional to exp(−k²/2)
		for descends(r, 0.5) {
			k++
		}
		if !repeatedly(r, k*(k-1), 0.5) {
			continue
		}
		x := r.Float64()
		if !repeatedly(r, k+1, x*(float64(2*k)+x)/float64(2*k+2)) {
			continue
		}
		if r.Uint64()&1 == 0 {
			return -(float64(k) + x)
		}
		return float64(k) + x
	}
}

// repeatedly is true with probability exp(−p)^n.
func repeatedly(r *rand.Rand, n int, p float64) bool {
	for range n {
		if !descends(r, p) {
			return false
		}
	}
	return true
}

// descends is true with probability exp(−p), for p in [0, 1]: a run p > u₁ > u₂ > … of uniform numbers has even length
// with that probability (von Neumann 1951).
func descends(r *rand.Rand, p float64) bool {
	even := true
	for {
		u := r.Float64()
		if u >= p {
			return even
		}
		p, even = u, !even
	}
}
