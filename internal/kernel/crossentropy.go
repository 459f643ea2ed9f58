package kernel

import (
	"fmt"
	"math"
)

// lossBlock is how many pixels of a cross-entropy are summed on their own before the blocks' sums are added in their
// order, whatever the number of threads.
const lossBlock = 1024

// CrossEntropy is the mean over pixels of −log softmax(logits)[label], in nats, and the number of pixels counted; both
// are 0 if every label is ignore. logits is [classes][pixels]. A pixel whose label is ignore is not counted; any other
// label that is not below classes is an error.
func CrossEntropy[T Float](p *Pool, logits []T, labels []uint8, classes, pixels int, ignore uint8) (loss float64, count int, err error) {
	blocks := ceilDiv(pixels, lossBlock)
	losses, counts := make([]float64, blocks), make([]int, blocks)
	wrong := make([]int, blocks)
	p.For(blocks, 1, func(_, lo, hi int) {
		for b := lo; b < hi; b++ {
			from := b * lossBlock
			losses[b], counts[b], wrong[b] = blockLoss(logits, labels, classes, pixels, from, min(from+lossBlock, pixels), ignore)
		}
	})
	for b := range blocks {
		if i := wrong[b]; i >= 0 {
			return 0, 0, fmt.Errorf("label %d at pixel %d: want one below %d, the number of classes, or %d, which is ignored", labels[i], i, classes, ignore)
		}
		loss += losses[b]
		count += counts[b]
	}
	if count > 0 {
		loss /= float64(count)
	}
	return loss, count, nil
}

// blockLoss sums the loss over pixels [lo, hi); wrong is the first of them with a label out of range, or −1.
func blockLoss[T Float](logits []T, labels []uint8, classes, pixels, lo, hi int, ignore uint8) (loss float64, count, wrong int) {
	for i := lo; i < hi; i++ {
		label := labels[i]
		if label == ignore {
			continue
		}
		if int(label) >= classes {
			return 0, 0, i
		}
		top := math.Inf(-1)
		for c := range classes {
			top = max(top, float64(logits[c*pixels+i]))
		}
		sum := 0.0
		for c := range classes {
			sum += math.Exp(float64(logits[c*pixels+i]) - top)
		}
		loss += math.Log(sum) + top - float64(logits[int(label)*pixels+i])
		count++
	}
	return loss, count, -1
}

// CrossEntropyGrad writes the gradient of scale·CrossEntropy with respect to the logits: (softmax − onehot)·scale/count,
// and zeros for ignored pixels. count is what CrossEntropy gave for the same labels, which must have been free of errors.
func CrossEntropyGrad[T Float](p *Pool, dst, logits []T, labels []uint8, classes, pixels int, ignore uint8, scale T, count int) {
	factor := scale / T(max(count, 1))
	p.For(ceilDiv(pixels, lossBlock), 1, func(_, lo, hi int) {
		exps := make([]float64, classes)
		for i := lo * lossBlock; i < min(hi*lossBlock, pixels); i++ {
			if labels[i] == ignore {
				for c := range classes {
					dst[c*pixels+i] = 0
				}
				continue
			}
			top := math.Inf(-1)
			for c := range classes {
				top = max(top, float64(logits[c*pixels+i]))
			}
			sum := 0.0
			for c := range exps {
				exps[c] = math.Exp(float64(logits[c*pixels+i]) - top)
				sum += exps[c]
			}
			for c, e := range exps {
				g := e / sum
				if c == int(labels[i]) {
					g--
				}
				dst[c*pixels+i] = T(g) * factor
			}
		}
	})
}
