package decode

import (
	"maps"
	"math"
	"slices"
)

// exponentialSum returns the largest of the logits x that are not masked, and Σ exp(x-largest) over all others.
//
// The exponentials are added from the smallest to the largest, so that the sum depends on which logits there are and not
// on their order. Rows that are permutations of each other then tie exactly, as they should. The largest's own term, 1,
// is kept apart, so that its weight stays exact to the last bit as it nears 1.
func exponentialSum(x []float32, masked func(int) bool) (largest, others float64) {
	terms := make([]float64, 0, NumOperators)
	for i, v := range x {
		if masked == nil || !masked(i) {
			terms = append(terms, float64(v))
		}
	}
	if len(terms) == 0 {
		return 0, 0
	}
	slices.Sort(terms)
	last := len(terms) - 1
	for _, v := range terms[:last] {
		others += math.Exp(v - terms[last])
	}
	return terms[last], others
}

// softmax sets dst to the weights of the logits x, 0 where masked.
func softmax(dst []float64, x []float32, masked func(int) bool) {
	largest, others := exponentialSum(x, masked)
	for i, v := range x {
		dst[i] = 0
		if masked == nil || !masked(i) {
			dst[i] = math.Exp(float64(v)-largest) / (1 + others)
		}
	}
}

// logSoftmax sets dst to the logarithms of the weights, -Inf where masked.
func logSoftmax(dst []float64, x []float32, masked func(int) bool) {
	largest, others := exponentialSum(x, masked)
	normaliser := math.Log1p(others)
	for i, v := range x {
		dst[i] = math.Inf(-1)
		if masked == nil || !masked(i) {
			dst[i] = float64(v) - largest - normaliser
		}
	}
}

// entropy is -Σ p·ln p.
func entropy(p []float64) float64 {
	h := 0.0
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log(v)
		}
	}
	return h
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
